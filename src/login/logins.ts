import type { Principal } from '../model/access.ts'
import type { CurrentConfiguration, Login } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import { sourceOfAddress } from '../model/ip-address.ts'
import type { Log } from '../model/log.ts'
import type { Finished, LoginRefusal, Logins } from '../model/login.ts'
import { ATTEMPT_MS, decodeAttempt, derive, encodeAttempt, isSameText, newAttempt, type Attempt, type Derived } from './attempt.ts'
import type { Ready } from './discovered.ts'
import { documentsFor, lacksVerification, nameOf, personOf, principalFor, type Person } from './person.ts'
import { createPlaces } from './places.ts'
import { EXPIRED, problemOfLogin } from './problem.ts'
import type { Told } from './provider.ts'
import { safeReturnPath } from '../model/return-path.ts'
import type { Session, SessionStore } from './sessions.ts'

/** So many logins ask a provider at once, and from one address; whoever comes then is told to try again. Strangers can make codes up. */
const AT_ONCE = { most: 20, mostOfOne: 5 }
const TELL_EVERY_MS = 10_000

/** Logins at the providers of the configuration, with sessions in a store that all replicas share. */
export function createLogins(options: {
  readonly configuration: CurrentConfiguration
  readonly sessions: SessionStore
  readonly ready: (login: Login) => Promise<Ready>
  readonly log: Log
  readonly now: () => number
}): Logins {
  const { configuration, sessions, ready, log, now } = options
  const loginNamed = (name: string): Login | undefined => configuration().logins.get(name)
  const places = createPlaces(AT_ONCE)
  const toldAt = new Map<string, number>()

  /** Every request for the login page of a provider that is away would be a line. */
  const tell = (login: string, { message, detail }: LoginRefusal): void => {
    if (now() - (toldAt.get(login) ?? Number.NEGATIVE_INFINITY) < TELL_EVERY_MS) return
    toldAt.set(login, now())
    log.warn({ login, problem: detail }, `nobody can log in: ${message}`)
  }

  /** What the provider says, or why it says nothing. */
  const redeem = async (login: Login, query: string, derived: Derived, from: string): Promise<Told | LoginRefusal> => {
    const leave = places.take(sourceOfAddress(from))
    if (leave === undefined) return BUSY
    try {
      const { provider } = await ready(login)
      return await (await provider()).redeem(query, derived)
    } catch (error) {
      return problemOfLogin(error, login.title)
    } finally {
      leave()
    }
  }

  const admit = async (login: Login, attempt: Attempt, told: Told): Promise<Finished> => {
    const person = personOf(told.claims, login.groupsClaim)
    if (person === undefined) return refused(problemOfLogin(new Error('no usable sub claim'), login.title))
    const by = documentsFor(login, person).map(({ name }) => name)
    if (by.length === 0) return refused(nothingFor(login, person))
    const { secret } = await ready(login)
    if (!(await sessions.claim(derive(attempt).state, ATTEMPT_MS))) return refused(EXPIRED)
    const expiresAt = now() + login.lifetimeMs
    const { idToken } = told
    const session: Session = { person, expiresAt, ...(idToken !== undefined && { idToken }) }
    const id = await sessions.create(session, partnership(login, secret), login.idleMs)
    return {
      kind: 'let in',
      principal: principalFor(login, person, { login: login.name, expiresAt }),
      subject: person.subject,
      by,
      session: { value: `${login.name}.${id}`, secure: isSecure(login), maxAgeMs: login.lifetimeMs },
      returnTo: safeReturnPath(attempt.returnTo),
    }
  }

  /** The login and the id of a session's cookie; undefined where no such cookie can be ours. */
  const opened = (value: string, secure: boolean): { readonly login: Login; readonly id: string } | undefined => {
    const [, name = '', id = ''] = /^([a-z0-9-]{1,63})\.([\w-]{43})$/.exec(value) ?? []
    const login = loginNamed(name)
    return login !== undefined && isSecure(login) === secure ? { login, id } : undefined
  }

  const find = async (value: string, secure: boolean) => {
    const known = opened(value, secure)
    if (known === undefined) return undefined
    const { login, id } = known
    const { secret, provider } = await ready(login)
    const session = await sessions.find(id, partnership(login, secret), login.idleMs)
    if (session === undefined) return undefined
    const principal: Principal = principalFor(login, session.person, { login: login.name, expiresAt: session.expiresAt })
    return { login, id, session, principal, provider }
  }

  return {
    offers: () => [...configuration().logins.values()].map(({ name, title }) => ({ name, title })),
    originOf: (name) => loginNamed(name)?.publicOrigin,
    async begin(name, returnTo) {
      const login = loginNamed(name)
      if (login === undefined) return undefined
      const attempt = newAttempt(name, safeReturnPath(returnTo), now())
      try {
        const { provider } = await ready(login)
        const location = await (await provider()).authorizationUrl(derive(attempt))
        return { kind: 'begun', location, attempt: { value: encodeAttempt(attempt), secure: isSecure(login), maxAgeMs: ATTEMPT_MS } }
      } catch (error) {
        const refusal = problemOfLogin(error, login.title)
        tell(name, refusal)
        throw new GitwakeError(refusal.code, refusal.message, { fix: refusal.fix, retryable: true, cause: error })
      }
    },
    async finish(name, kept, query, from) {
      const login = loginNamed(name)
      if (login === undefined) return undefined
      // A host beside ours can plant a cookie, but none of the kind that https sets: nobody is logged in as whoever began elsewhere.
      const attempt = decodeAttempt(kept?.secure === isSecure(login) ? kept.value : undefined, name, now())
      if (attempt === undefined) return refused(EXPIRED)
      const derived = derive(attempt)
      const state = new URLSearchParams(query).getAll('state')
      // Before anybody else is asked: what no login of this browser began costs nothing.
      if (state.length !== 1 || !isSameText(state[0] ?? '', derived.state)) return refused(EXPIRED)
      const told = await redeem(login, query, derived, from)
      return 'claims' in told ? admit(login, attempt, told) : refused(told)
    },
    principalOf: async (value, secure) => (await find(value, secure))?.principal,
    async end(value, secure) {
      const found = await find(value, secure)
      if (found === undefined) return undefined
      const { login, id, session, principal, provider } = found
      await sessions.end(id)
      const location = await provider().then(
        (known) => known.endSessionUrl(session.idToken),
        () => undefined,
      )
      return { principal, title: login.title, ...(location !== undefined && { location }) }
    },
  }
}

const BUSY: LoginRefusal = {
  code: 'too-many-logins',
  message: 'Too many people log in at this moment.',
  fix: 'Try again in a few seconds.',
  status: 503,
}

function refused(refusal: LoginRefusal): Finished {
  return { kind: 'refused', refusal }
}

function nothingFor(login: Login, person: Person): LoginRefusal {
  const actor = nameOf(login, person)
  const unverified = lacksVerification(login, person) ? ` ${login.title} does not vouch for the e-mail address (email_verified).` : ''
  return {
    code: 'login-no-rights',
    message: `${actor} has logged in at ${login.title}, but may do nothing here.${unverified}`,
    fix: 'Ask whoever runs gitwake for a People document that names you, your group or your verified e-mail address.',
    status: 403,
    actor,
    detail: `groups: ${person.groups.slice(0, 20).join(', ') || 'none'}`,
  }
}

/** With what a session is sealed besides its id: it holds at no other provider or client, also where those share the secret (public ones have none). */
function partnership({ name, issuer, clientId }: Login, secret: string): string {
  return JSON.stringify([name, issuer, clientId, secret])
}

function isSecure({ publicOrigin }: Login): boolean {
  return publicOrigin.startsWith('https:')
}
