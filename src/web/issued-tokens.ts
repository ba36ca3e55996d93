import { decodeJwt, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import type { Principal } from '../model/access.ts'
import { claimsMatch } from '../model/claims.ts'
import type { AccessToken, CurrentConfiguration, IssuedTokens } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import type { Log } from '../model/log.ts'
import type { OutgoingOptions } from '../outgoing/fetch.ts'
import { repeatedName } from './repeated-name.ts'
import { createIssuerKeys } from './issuer-keys.ts'

/** Whose tokens (JWTs) of CI systems and clusters open what. */
export interface IssuedTokenBook {
  /** Who has this token; undefined where nobody has. Throws GitwakeError `issuer-unavailable` (retryable) where its issuer's keys cannot be had. */
  principalOf(token: string): Promise<Principal | undefined>
}

/** Only such as nobody can sign with what is public. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const CLOCK_SKEW_S = 30
const LONGEST_SUBJECT = 300
const MOST_ISSUERS = 100

interface Entry {
  readonly document: AccessToken
  readonly issued: IssuedTokens
}

/**
 * The Token documents with `oidc`. The issuer that a token names is asked for its keys only where a document names it too, and no other one is tried. Then the signature,
 * the times and the audience are checked, then the claims; every document that matches adds its right.
 */
export function createIssuedTokenBook(options: {
  readonly configuration: CurrentConfiguration
  readonly log: Log
  readonly now: () => number
  /** For tests. */
  readonly resolve?: OutgoingOptions['resolve']
}): IssuedTokenBook {
  const { configuration, log, now } = options
  const known = new Map<string, JWTVerifyGetKey>()

  /** Kept while the configuration says the same of an issuer. */
  const keysOf = (issued: IssuedTokens): JWTVerifyGetKey => {
    const place = JSON.stringify([issued.issuer, issued.jwksUri, issued.allowInsecure])
    const keys = known.get(place) ?? createIssuerKeys(issued, options)
    // Only reloads make more of them.
    if (known.size > MOST_ISSUERS) known.clear()
    known.set(place, keys)
    return keys
  }

  /** What a token says, where its issuer signed it and it is valid now. */
  const verified = async (token: string, issued: IssuedTokens): Promise<JWTPayload | undefined> => {
    try {
      const { payload } = await jwtVerify(token, keysOf(issued), {
        issuer: issued.issuer,
        algorithms: ALGORITHMS,
        requiredClaims: ['sub', 'aud', 'exp', 'iat'],
        clockTolerance: CLOCK_SKEW_S,
        currentDate: new Date(now()),
      })
      const repeated = repeatedName(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
      if (repeated === undefined) return payload
      log.info({ issuer: issued.issuer, claim: repeated }, 'a token of an issuer opens nothing: it says one claim twice')
    } catch (error) {
      if (error instanceof GitwakeError) throw error
      // Everything else is the token's fault, or that of a key (too short, broken), which WebCrypto tells in its own ways.
      const problem = error instanceof Error ? error.message : String(error)
      // What its issuer did sign is told: somebody wonders. What anybody can make up is not.
      const isSigned = error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed
      log[isSigned ? 'info' : 'debug']({ issuer: issued.issuer, problem }, 'a token of an issuer opens nothing: it is not valid')
    }
    return undefined
  }

  return {
    async principalOf(token) {
      const issuer = issuerOf(token)
      const entries = [...configuration().tokens.values()].flatMap((document): readonly Entry[] =>
        document.secret.kind === 'issued' && document.secret.issuer === issuer ? [{ document, issued: document.secret }] : [],
      )
      const [first] = entries
      const payload = first && (await verified(token, first.issued))
      if (payload === undefined) return undefined
      const matching = entries.filter((entry) => isMeant(entry, payload, now()))
      const name = `oidc:${issuer} sub=${shown(payload.sub ?? '')}`
      if (matching.length > 0) return { name, shared: false, grants: matching.map(({ document }) => document.grant) }
      log.info(
        { actor: name, audience: payload.aud },
        'a token of an issuer opens nothing: no Token document has its audience, its age and all of its claims',
      )
      return undefined
    },
  }
}

/** A token that was made for others as well could be sent to us by any of them. */
function isMeant({ document: { expiresAt = Number.POSITIVE_INFINITY }, issued }: Entry, payload: JWTPayload, now: number): boolean {
  const [audience, ...others] = [payload.aud ?? []].flat()
  const age = now - (payload.iat ?? 0) * 1000
  const isFresh = now < expiresAt && age <= issued.maxAgeMs + CLOCK_SKEW_S * 1000 && age >= -CLOCK_SKEW_S * 1000
  return isFresh && audience === issued.audience && others.length === 0 && claimsMatch(issued.claims, payload)
}

/** As the token itself says, to find the keys by which it is then judged. */
function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

function shown(subject: string): string {
  return subject.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?').slice(0, LONGEST_SUBJECT)
}
