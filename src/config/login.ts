import type { Login, People } from '../model/configuration.ts'
import { urlProblem } from '../outgoing/url.ts'
import { toGrant } from './access.ts'
import { limited, reference } from './convert.ts'
import type { Report } from './explain.ts'
import type { LoginDocument, PeopleDocument } from './schema/login.ts'

const DAY = 86_400_000

/** People, and the name of the Login that they are of. */
export type PeopleOf = People & { readonly login: string }

/** A Login document as the model has it, still without its people. */
export function toLogin({ metadata, spec }: LoginDocument, report: Report): Omit<Login, 'people'> {
  const { allowInsecure = false, clientSecretFrom, clientAuthentication } = spec
  const wrongIssuer =
    urlProblem(spec.issuer, allowInsecure) ?? (/[?#]/.test(spec.issuer) ? 'has a query or a fragment: an issuer has none' : undefined)
  if (wrongIssuer !== undefined) report({ path: 'spec.issuer', message: wrongIssuer })
  const wrongUrl = publicUrlProblem(spec.publicUrl, allowInsecure)
  if (wrongUrl !== undefined) report({ path: 'spec.publicUrl', message: wrongUrl })
  const lifetimeMs = limited(spec.sessionLifetime ?? '12h', 1000, 30 * DAY, 'spec.sessionLifetime', report)
  return {
    name: metadata.name,
    title: spec.title ?? metadata.name,
    issuer: spec.issuer,
    clientId: spec.clientId,
    publicOrigin: URL.parse(spec.publicUrl)?.origin ?? '',
    scopes: ['openid', ...new Set(spec.scopes ?? ['profile', 'email']).difference(new Set(['openid']))],
    groupsClaim: spec.groupsClaim ?? 'groups',
    allowInsecure,
    lifetimeMs,
    idleMs: Math.min(lifetimeMs, limited(spec.idleTimeout ?? '2h', 1000, 30 * DAY, 'spec.idleTimeout', report)),
    ...(clientAuthentication !== undefined && { clientAuthentication }),
    ...(clientSecretFrom && { clientSecretFrom: reference(clientSecretFrom, 'spec.clientSecretFrom', report) }),
  }
}

/** A People document as the model has it. */
export function toPeople({ metadata, spec }: PeopleDocument, report: Report): PeopleOf {
  const { login, groups = [], emails = [], subjects = [], everybody = false } = spec
  if (!everybody && groups.length + emails.length + subjects.length === 0)
    report({ path: 'spec', message: 'names nobody: write groups, emails, subjects or everybody: true' })
  return { name: metadata.name, login, groups, emails, subjects, everybody, grant: toGrant(spec) }
}

export function joinPeople(logins: ReadonlyMap<string, Omit<Login, 'people'>>, people: readonly PeopleOf[]): ReadonlyMap<string, Login> {
  return new Map(
    [...logins].map(([name, login]) => [
      name,
      Object.freeze({
        ...login,
        people: Object.freeze(people.flatMap(({ login: of, ...one }) => (of === name ? [Object.freeze(one)] : []))),
      }),
    ]),
  )
}

/** Cookies and the paths of the pages are of a whole origin. */
function publicUrlProblem(text: string, allowInsecure: boolean): string | undefined {
  const url = URL.parse(text)
  if (url === null || !['https:', 'http:'].includes(url.protocol)) return 'is not a URL: write https://gitwake.example.org'
  if (url.protocol === 'http:' && !allowInsecure)
    return 'is http://: whoever listens could take sessions over; use https://, or allow it by spec.allowInsecure: true'
  if (url.href !== `${url.origin}/`) return `has more than scheme, host and port: write ${url.origin}`
  return undefined
}
