import type { Grant } from '../model/access.ts'
import type { AccessToken } from '../model/configuration.ts'
import { reference, type Report } from './convert.ts'
import type { TokenDocument } from './schema.ts'

/** A Token document as the model has it. */
export function toToken({ metadata, spec }: TokenDocument, report: Report): AccessToken {
  const { hash, tokenFrom, expires } = spec
  if ((hash === undefined) === (tokenFrom === undefined))
    report({ path: 'spec', message: 'must have either hash (gitwake token prints one) or tokenFrom: {env: NAME} or {file: PATH}' })
  const expiresAt = expires === undefined ? undefined : Date.parse(expires)
  if (Number.isNaN(expiresAt))
    report({ path: 'spec.expires', message: 'is not a day of the calendar: write 2027-01-31 or 2027-01-31T12:00:00Z' })
  return {
    name: metadata.name,
    secret:
      tokenFrom === undefined
        ? { kind: 'hash', sha256: (hash ?? '').slice('sha256:'.length) }
        : { kind: 'reference', from: reference(tokenFrom, 'spec.tokenFrom', report) },
    grant: toGrant(spec),
    ...(expiresAt !== undefined && { expiresAt }),
  }
}

function toGrant({
  allow,
  applications = ['*'],
  clusters = ['*'],
}: Pick<TokenDocument['spec'], 'allow' | 'applications' | 'clusters'>): Grant {
  return { allow, applications, clusters }
}
