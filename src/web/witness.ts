import type { Principal } from '../model/access.ts'
import type { AuditWriter } from '../model/audit.ts'
import type { Ended, Finished, LoginRefusal } from '../model/login.ts'

/** Sees who comes and goes, for the audit log. */
export interface Witness {
  /** Resolves once it is written down. */
  loggedIn(login: string, finished: Extract<Finished, { kind: 'let in' }>): Promise<void>
  loginRefused(login: string, refusal: LoginRefusal): void
  loggedOut(ended: Ended): void
  /** Somebody entered a token into a browser, which sends it with every request from then on. */
  tokenEntered(principal: Principal, address: string): void
  tokenRefused(address: string): void
}

/** A browser with a token has no session: one that has not come for so long comes anew. */
const VISIT_MS = 12 * 3_600_000
const MOST_VISITS = 10_000
const MOST_REFUSALS = 30
const FORGIVEN_MS = 60_000

/** What strangers can cause is written down a few times and then once a minute, so that nobody can push older entries out of the log with it. */
export function createWitness({ audit, now }: { readonly audit: AuditWriter; readonly now: () => number }): Witness {
  let crowd = { refusals: 0, at: now() }
  const visits = new Map<string, number>()

  const refused = (actor: string, detail: Readonly<Record<string, string>>): void => {
    const refusals = Math.max(0, crowd.refusals - (now() - crowd.at) / FORGIVEN_MS)
    crowd = { refusals, at: now() }
    if (refusals > MOST_REFUSALS - 1) return
    crowd = { refusals: refusals + 1, at: now() }
    audit.note({ at: now(), actor, action: 'login refused', detail })
  }

  return {
    loggedIn: async (login, { principal, subject, by }) =>
      audit.record({ at: now(), actor: principal.name, action: 'logged in', detail: { login, subject, by: [...by] } }),
    loginRefused: (login, { actor = 'somebody', code }) => refused(actor, { login, code }),
    loggedOut: ({ principal }) =>
      audit.note({ at: now(), actor: principal.name, action: 'logged out', detail: { login: principal.session?.login ?? '' } }),
    tokenEntered({ name }, address) {
      const visit = `${name} ${address}`
      const isNew = now() - (visits.get(visit) ?? Number.NEGATIVE_INFINITY) > VISIT_MS
      // Re-inserting keeps the map in order of the last visit, so the oldest is the first to be forgotten.
      visits.delete(visit)
      visits.set(visit, now())
      const oldest = visits.keys().next()
      if (visits.size > MOST_VISITS && !oldest.done) visits.delete(oldest.value)
      if (isNew) audit.note({ at: now(), actor: name, action: 'logged in', detail: { with: 'a token, in a browser', address } })
    },
    tokenRefused: (address) => refused('somebody', { with: 'a token', address }),
  }
}
