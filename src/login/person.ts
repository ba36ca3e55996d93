import type { Grant, Principal } from '../model/access.ts'
import { matchSegment } from '../model/glob.ts'
import type { Login, People } from '../model/configuration.ts'

/** Who the provider says that somebody is. */
export interface Person {
  readonly subject: string
  readonly email?: string
  /** The provider vouches that the address is theirs: only then anything is given for it. */
  readonly emailVerified: boolean
  /** What they are called; chosen by themselves, so nothing is given for it. */
  readonly called?: string
  readonly groups: readonly string[]
}

export type Claims = Readonly<Record<string, unknown>>

const MOST_GROUPS = 2_000
const LONGEST_GROUP = 500

/** The person of an ID token's claims and of the user info; undefined where they name nobody. */
export function personOf(claims: Claims, groupsClaim: string): Person | undefined {
  const subject = line(claims['sub'], 255)
  if (subject === undefined) return undefined
  const email = lowered(line(claims['email'], 254) ?? '')
  const called = line(claims['preferred_username'], 100) ?? line(claims['name'], 100)
  const isAddress = /^[^@\s]+@[^@\s]+$/.test(email)
  return {
    subject,
    ...(isAddress && { email }),
    emailVerified: isAddress && claims['email_verified'] === true,
    ...(called !== undefined && { called }),
    groups: groupsOf(claims[groupsClaim]),
  }
}

/** What both say of one person. An address is verified only where whoever names it says so. */
export function mergedClaims(token: Claims, info: Claims): Claims {
  const isByInfo = token['email'] === undefined || (token['email_verified'] === undefined && token['email'] === info['email'])
  return { ...info, ...token, email_verified: (isByInfo ? info : token)['email_verified'] }
}

/** A list of names; one alone is that name, whole: what stands between its commas is not a group. */
function groupsOf(value: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  return items
    .filter((item): item is string => typeof item === 'string' && item !== '' && item.length <= LONGEST_GROUP)
    .slice(0, MOST_GROUPS)
}

/** The documents that are about this person. */
export function documentsFor({ people }: Login, person: Person): readonly People[] {
  return people.filter(
    ({ everybody, groups, emails, subjects }) =>
      everybody ||
      subjects.includes(person.subject) ||
      groups.some((group) => person.groups.includes(group)) ||
      (person.emailVerified && person.email !== undefined && emails.some((pattern) => isEmail(pattern, person.email ?? ''))),
  )
}

/** Whether a verified address would have opened something: then that is what to say. */
export function lacksVerification(login: Login, person: Person): boolean {
  return !person.emailVerified && person.email !== undefined && documentsFor(login, { ...person, emailVerified: true }).length > 0
}

export function principalFor(login: Login, person: Person, session: NonNullable<Principal['session']>): Principal {
  const grants: readonly Grant[] = documentsFor(login, person).map(({ grant }) => grant)
  return { name: nameOf(login, person), shared: false, grants, session }
}

/** As audit and results name them: only what the provider vouches for stands alone, and no token or program can have such a name. */
export function nameOf({ name }: Login, { email, emailVerified, called, subject }: Person): string {
  if (emailVerified && email !== undefined) return `${email} (${name})`
  return called === undefined ? `${subject} (${name})` : `${called}, ${subject} (${name})`
}

/** `*@example.org` is everybody there: a pattern stands for the part before the @ alone. */
function isEmail(pattern: string, email: string): boolean {
  const [local = '', domain = ''] = lowered(pattern).split('@')
  const [ownLocal = '', ownDomain = ''] = email.split('@')
  return domain === ownDomain && matchSegment(local, ownLocal)
}

/** Of ASCII alone: in Unicode the Kelvin sign, which is another mailbox, becomes a k. */
function lowered(text: string): string {
  return text.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase())
}

/** What could steer a terminal, a log or a page is no name. */
function line(value: unknown, most: number): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > most) return undefined
  return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value) ? undefined : value
}
