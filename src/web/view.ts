import type { Response } from 'express'
import { may, mayEverywhere, type Principal } from '../model/access.ts'
import type { Application, CurrentConfiguration } from '../model/configuration.ts'
import type { DeliveryRecord, Ledger } from '../model/intake.ts'

/** What one request sees: whatever its sender may not read is not there, in no other way than what does not exist. */
export interface View {
  readonly principal: Principal
  readonly ledger: Ledger
  applicationOf(name: string): Application | undefined
}

/** The view of a request that came through the door. */
export type ViewOf = (request: object) => View

export function createView(principal: Principal, configuration: CurrentConfiguration, ledger: Ledger): View {
  const applicationOf = (name: string): Application | undefined => {
    const application = configuration().applications.get(name)
    return application && may(principal, 'read', placeOf(application)) ? application : undefined
  }
  const isShown = (name: string): boolean => applicationOf(name) !== undefined
  return { principal, applicationOf, ledger: mayEverywhere(principal, 'read') ? ledger : narrowed(ledger, principal, isShown) }
}

export function placeOf({ name, destination }: Application) {
  return { application: name, cluster: destination.cluster }
}

/** Whose request this answers; undefined where nobody came through the door. */
export function principalOf({ locals }: Response): Principal | undefined {
  const { principal }: { readonly principal?: Principal } = locals
  return principal
}

/** Who acts, for results and logs: the name of their token, and what they call themselves. */
export function actorOf({ name, shared }: Principal, said?: string): string {
  if (said === undefined) return name
  return shared ? said : `${said} (${name})`
}

/** A ledger that knows only some applications. */
function narrowed(ledger: Ledger, principal: Principal, isShown: (application: string) => boolean): Ledger {
  const ofShown = <Item extends { readonly application: string }>(items: readonly Item[]): readonly Item[] =>
    items.filter(({ application }) => isShown(application))
  const commit = async (revision: string) => {
    const report = await ledger.commit(revision)
    const applications = ofShown(report.applications)
    return { ...report, repositories: applications.length > 0 ? report.repositories : [], applications }
  }
  return {
    statuses: async () => ofShown(await ledger.statuses()),
    status: async (application) => (isShown(application) ? ledger.status(application) : undefined),
    orphans: async () => (await ledger.orphans()).filter((orphan) => may(principal, 'read', orphan)),
    history: async (application, limit) => (isShown(application) ? ledger.history(application, limit) : []),
    delivery: async (id) => shownPart(await ledger.delivery(id), ofShown),
    commits: async (digits) => {
      const reports = await Promise.all((await ledger.commits(digits)).map(commit))
      return reports.filter(({ applications }) => applications.length > 0).map(({ revision }) => revision)
    },
    commit,
    waitFor: async (ticket, signal) => (isShown(ticket.application) ? ledger.waitFor(ticket, signal) : undefined),
    waitForRevision: async (ticket, revision, signal) =>
      isShown(ticket.application) ? ledger.waitForRevision(ticket, revision, signal) : undefined,
  }
}

/** Of a delivery that concerns nothing that is shown, nothing is told. */
function shownPart(
  record: DeliveryRecord | undefined,
  ofShown: (outcomes: DeliveryRecord['outcomes']) => DeliveryRecord['outcomes'],
): DeliveryRecord | undefined {
  const outcomes = ofShown(record?.outcomes ?? [])
  return record === undefined || outcomes.length === 0 ? undefined : { ...record, outcomes }
}
