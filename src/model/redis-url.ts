/** Where Redis is, as REDIS_URL says it. */
export interface RedisAddress {
  readonly tls: boolean
  /** One Redis, or the Sentinels that know which one. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  /** The name under which Sentinels know the master; absent where the address is Redis itself. */
  readonly master?: string
  readonly username: string
  readonly password: string
  readonly database: number
}

const SENTINEL = /^(rediss?)\+sentinel:\/\/(?:([^@/]*)@)?([^@/?#]+)\/([\w.-]+)(?:\/(\d{1,5}))?$/

/**
 * `redis://[user:password@]host:6379/0`, `rediss://` for TLS, or `redis+sentinel://[user:password@]host:26379,host2:26379/master[/0]`.
 * Undefined for anything else.
 */
export function parseRedisUrl(text: string): RedisAddress | undefined {
  const [, scheme, userinfo = '', list = '', master, database] = SENTINEL.exec(text) ?? []
  if (scheme === undefined) return parseSingle(text)
  const hosts = list.split(',').map((one) => URL.parse(`redis://${one}`))
  const sentinels = hosts.flatMap((url) =>
    url && url.hostname !== '' && url.pathname === '' ? [{ host: bare(url.hostname), port: Number(url.port || 26_379) }] : [],
  )
  const credentials = URL.parse(`redis://${userinfo}@host`)
  if (master === undefined || credentials === null || sentinels.length !== hosts.length) return undefined
  return { tls: scheme === 'rediss', hosts: sentinels, master, ...credentialsOf(credentials), database: Number(database ?? 0) }
}

function parseSingle(text: string): RedisAddress | undefined {
  const url = URL.parse(text)
  if (url === null || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') return undefined
  const hosts = [{ host: bare(url.hostname), port: Number(url.port || 6379) }]
  return { tls: url.protocol === 'rediss:', hosts, ...credentialsOf(url), database: Number(url.pathname.slice(1)) || 0 }
}

function credentialsOf({ username, password }: URL): Pick<RedisAddress, 'username' | 'password'> {
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
