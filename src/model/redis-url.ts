interface Common {
  readonly tls: boolean
  readonly hosts: readonly RedisHost[]
  readonly username: string
  readonly password: string
}

export interface RedisHost {
  readonly host: string
  readonly port: number
}

/** Where Redis is, as REDIS_URL says it: one server, the Sentinels that know which one, or some nodes of a Redis Cluster, which has one database only. */
export type RedisAddress =
  | (Common & { readonly kind: 'server'; readonly database: number })
  | (Common & { readonly kind: 'sentinels'; readonly master: string; readonly database: number })
  | (Common & { readonly kind: 'cluster' })

const SEVERAL = /^(rediss?)\+(sentinel|cluster):\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([\w.-]+)(?:\/(\d{1,5}))?)?$/

/**
 * `redis://[user:password@]host:6379/0`, `rediss://` for TLS, `redis+sentinel://[user:password@]host:26379,host2:26379/master[/0]`, or
 * `redis+cluster://[user:password@]host:6379,host2:6379`. Undefined for anything else.
 */
export function parseRedisUrl(text: string): RedisAddress | undefined {
  const [, scheme, kind, userinfo = '', list = '', master, database] = SEVERAL.exec(text) ?? []
  if (scheme === undefined) return parseServer(text)
  const hosts = parseHosts(list, kind === 'cluster' ? 6379 : 26_379)
  const credentials = URL.parse(`redis://${userinfo}@host`)
  if (hosts === undefined || credentials === null) return undefined
  const common = { tls: scheme === 'rediss', hosts, ...credentialsOf(credentials) }
  if (kind === 'cluster') return master === undefined ? { kind, ...common } : undefined
  return master === undefined ? undefined : { kind: 'sentinels', ...common, master, database: Number(database ?? 0) }
}

function parseServer(text: string): RedisAddress | undefined {
  const url = URL.parse(text)
  if (url === null || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') return undefined
  const hosts = [{ host: bare(url.hostname), port: Number(url.port || 6379) }]
  return { kind: 'server', tls: url.protocol === 'rediss:', hosts, ...credentialsOf(url), database: Number(url.pathname.slice(1)) || 0 }
}

/** Undefined where one of them is no host. */
function parseHosts(list: string, defaultPort: number): readonly RedisHost[] | undefined {
  const urls = list.split(',').map((one) => URL.parse(`redis://${one}`))
  const hosts = urls.flatMap((url) =>
    url && url.hostname !== '' && url.pathname === '' ? [{ host: bare(url.hostname), port: Number(url.port || defaultPort) }] : [],
  )
  return hosts.length === urls.length ? hosts : undefined
}

function credentialsOf({ username, password }: URL): Pick<Common, 'username' | 'password'> {
  return { username: decoded(username), password: decoded(password) }
}

/** IPv6 addresses stand in brackets only within a URL. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a stray % is taken as it stands, as the Redis client does
  }
}
