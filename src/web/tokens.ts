import { createHash, timingSafeEqual } from 'node:crypto'
import type { Principal } from '../model/access.ts'
import type { AccessToken, CurrentConfiguration, SecretReference } from '../model/configuration.ts'
import type { Log } from '../model/log.ts'
import type { IssuedTokenBook } from './issued-tokens.ts'

/** Whose tokens open what. */
export interface TokenBook {
  isEmpty(): boolean
  /** Who has this token; undefined where nobody has, or where it has expired. Throws a retryable GitwakeError where that cannot be told now: the door answers 503. */
  principalOf(token: string): Promise<Principal | undefined>
}

interface Entry {
  readonly digest: Buffer
  readonly principal: Principal
  readonly expiresAt: number
}

/** A token that stands elsewhere may be replaced there without a change of the configuration. */
const FRESH_MS = 10_000
/** 22 characters of base64 are 128 bits. */
const LEAST_LENGTH = 22
/** Three parts in base64url, the first a JSON object; no longer than a header may be. */
const JWT = /^eyJ[\w-]{1,2048}\.[\w-]{1,16384}\.[\w-]{1,2048}$/

/**
 * The tokens of GITWAKE_API_TOKEN (`shared`: they open everything), those of the configuration, and those of issuers that it names. Only digests are kept. A plain SHA-256 is right
 * for them: nobody can guess 128 random bits, however fast (docs/decisions/022-tokens.md).
 */
export function createTokenBook(options: {
  readonly shared: readonly string[]
  readonly configuration: CurrentConfiguration
  readonly resolveSecret: (reference: SecretReference) => Promise<string>
  readonly log: Log
  readonly now: () => number
}): TokenBook {
  const { configuration, log, now } = options
  const shared = options.shared.map((token) => ({ digest: digestOf(token), principal: SHARED, expiresAt: Number.POSITIVE_INFINITY }))
  let known: { readonly of: object; readonly at: number; readonly entries: Promise<readonly Entry[]> } | undefined

  const entries = (): Promise<readonly Entry[]> => {
    const of = configuration()
    if (known?.of !== of || now() - known.at >= FRESH_MS)
      known = {
        of,
        at: now(),
        entries: Promise.all([...of.tokens.values()].map((token) => open(token, options))).then((all) => all.flat()),
      }
    return known.entries
  }

  let issued: Promise<IssuedTokenBook> | undefined
  /** The library for signatures is loaded only where issuers are configured. */
  const ofIssuer = async (token: string): Promise<Principal | undefined> => {
    if (!JWT.test(token) || ![...configuration().tokens.values()].some(({ secret }) => secret.kind === 'issued')) return undefined
    issued ??= import('./issued-tokens.ts').then(({ createIssuedTokenBook }) => createIssuedTokenBook({ configuration, log, now }))
    return (await issued).principalOf(token)
  }

  return {
    isEmpty: () => shared.length === 0 && configuration().tokens.size === 0,
    async principalOf(token) {
      const found = findConstantTime([...shared, ...(await entries())], digestOf(token))
      if (found === undefined) return ofIssuer(token)
      const { principal, expiresAt } = found
      if (expiresAt > now()) return principal
      const { name } = principal
      log.info({ token: name }, `the token ${name} opens nothing: it has expired at ${new Date(expiresAt).toISOString()}`)
      return undefined
    },
  }
}

const SHARED: Principal = { name: 'the API', shared: true, grants: [{ allow: 'operate', applications: ['*'], clusters: ['*'] }] }

/** Compares digests of equal length with every token, so that neither length nor position of a difference shows in the time taken. */
function findConstantTime(entries: readonly Entry[], presented: Buffer): Entry | undefined {
  let found: Entry | undefined
  for (const entry of entries) if (timingSafeEqual(entry.digest, presented)) found = entry
  return found
}

/** One entry, or none where the token cannot be read: the others stay valid. */
async function open(
  token: AccessToken,
  { resolveSecret, log }: { readonly resolveSecret: (reference: SecretReference) => Promise<string>; readonly log: Log },
): Promise<readonly Entry[]> {
  const { name, secret, grant, expiresAt = Number.POSITIVE_INFINITY } = token
  const entry = (digest: Buffer): readonly Entry[] => [{ digest, principal: { name, shared: false, grants: [grant] }, expiresAt }]
  if (secret.kind === 'issued') return []
  if (secret.kind === 'hash') return entry(Buffer.from(secret.sha256, 'hex'))
  try {
    const value = await resolveSecret(secret.from)
    if (value.length >= LEAST_LENGTH) return entry(digestOf(value))
    log.warn(
      { token: name },
      `the token ${name} opens nothing: it has fewer than ${LEAST_LENGTH} characters; make one with "gitwake token"`,
    )
  } catch (error) {
    log.warn({ token: name, err: error }, `the token ${name} opens nothing: it cannot be read`)
  }
  return []
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
