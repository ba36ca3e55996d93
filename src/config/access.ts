import { isDeepStrictEqual } from 'node:util'
import type { Grant } from '../model/access.ts'
import type { AccessToken, IssuedTokens } from '../model/configuration.ts'
import { urlProblem } from '../outgoing/url.ts'
import { claimsProblem } from './claims.ts'
import type { Finding } from './explain.ts'
import { limited, reference } from './convert.ts'
import type { Report } from './explain.ts'
import type { TokenDocument } from './schema/token.ts'

const DAY = 86_400_000

/** A Token document as the model has it. */
export function toToken({ metadata, spec }: TokenDocument, report: Report): AccessToken {
  const { expires } = spec
  const expiresAt = expires === undefined ? undefined : Date.parse(expires)
  if (Number.isNaN(expiresAt))
    report({ path: 'spec.expires', message: 'is not a day of the calendar: write 2027-01-31 or 2027-01-31T12:00:00Z' })
  return {
    name: metadata.name,
    secret: toSecret(spec, report),
    grant: toGrant(spec),
    ...(expiresAt !== undefined && { expiresAt }),
  }
}

/** What two Token documents contradict each other in. */
export function tokenClash({ secret }: AccessToken, { name, secret: other }: AccessToken): readonly Finding[] {
  if (secret.kind !== 'issued' || other.kind !== 'issued') {
    const message = `is the same token as ${name}: it must be clear whose a request is`
    return isDeepStrictEqual(secret, other) ? [{ path: 'spec', message }] : []
  }
  if (secret.issuer !== other.issuer) return []
  const message = `must be as in Token ${name}: an issuer has one set of keys`
  const differing = (['jwksUri', 'allowInsecure'] as const).filter((field) => secret[field] !== other[field])
  return differing.map((field) => ({ path: `spec.oidc.${field}`, message }))
}

function toSecret({ hash, tokenFrom, oidc }: TokenDocument['spec'], report: Report): AccessToken['secret'] {
  if ([hash, tokenFrom, oidc].filter((way) => way !== undefined).length !== 1)
    report({
      path: 'spec',
      message: 'must have exactly one of hash (gitwake token prints one), tokenFrom: {env: NAME} or {file: PATH}, and oidc',
    })
  if (oidc !== undefined) return { kind: 'issued', ...toIssuedTokens(oidc, report) }
  if (tokenFrom !== undefined) return { kind: 'reference', from: reference(tokenFrom, 'spec.tokenFrom', report) }
  return { kind: 'hash', sha256: (hash ?? '').slice('sha256:'.length) }
}

function toIssuedTokens(written: NonNullable<TokenDocument['spec']['oidc']>, report: Report): IssuedTokens {
  const { issuer, audience, jwksUri, allowInsecure = false } = written
  const claims = Object.fromEntries(Object.entries(written.claims).map(([name, patterns]) => [name, [patterns].flat()]))
  for (const field of ['issuer', 'jwksUri'] as const) {
    const url = written[field]
    const problem = url === undefined ? undefined : urlProblem(url, allowInsecure)
    if (problem !== undefined)
      report({ path: `spec.oidc.${field}`, message: problem.replace('spec.allowInsecure', 'spec.oidc.allowInsecure') })
  }
  const problem = claimsProblem(issuer, claims)
  if (problem !== undefined) report({ path: 'spec.oidc.claims', message: problem })
  const maxAgeMs = limited(written.maxAge ?? '1h', 1000, 30 * DAY, 'spec.oidc.maxAge', report)
  return { issuer, audience, claims, maxAgeMs, allowInsecure, ...(jwksUri !== undefined && { jwksUri }) }
}

export function toGrant({
  allow,
  applications = ['*'],
  clusters = ['*'],
}: Pick<TokenDocument['spec'], 'allow' | 'applications' | 'clusters'>): Grant {
  return { allow, applications, clusters }
}
