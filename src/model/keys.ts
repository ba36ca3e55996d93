/**
 * Names of everything gitwake keeps in Redis. All keys that a worker touches carry the hash tag `{gitwake:<cluster>}`: one slot of a Redis
 * Cluster and one ACL pattern. The receiver's own records live under `{gitwake}`.
 */
export interface ClusterKeys {
  /** `{gitwake:<cluster>}`: also the prefix of the BullMQ queue. */
  readonly prefix: string
  /** Hash: delivery mark → the tickets it got here, as `application=wanted` pairs. */
  readonly deliveries: string
  /** List: `<ms> <mark>`, oldest first, so that `deliveries` can be capped. */
  readonly deliveryOrder: string
  /** Stream of sync results, which the serve role folds into history and ledger. */
  readonly outcomes: string
  /** Hash: `<application>/<piece>` → JSON, published by syncs and sweeps. */
  readonly status: string
  /** Hash: application → ReadSet as JSON: what its last good render read. */
  readonly reads: string
  /** Hash: application → `<revision> <digest of its ReadSet>`: the newest commit at which that is known to hold. */
  readonly readAt: string
  /** Hash: application → Orphan as JSON, by the last sweep. */
  readonly orphans: string
  /** JSON: when the last canary job came back, and how long it took. */
  readonly canary: string
  /** Hash: wanted, done and what else the queue remembers of one application. */
  application(name: string): string
  /** List: `<wanted> <trigger as JSON>`, oldest first, those not answered yet. */
  triggers(name: string): string
  /** `<begun at, by Redis' clock> <PlanReport as JSON>`, for a while: the newest plan of a subject (as a query writes it). */
  plan(application: string, subject: string): string
  /** List: the heads that a ref had, newest first. */
  heads(repository: string, ref: string): string
  /** Exists while a schedule (`poll/<repository>`, `sweep`, `canary`) is not due. */
  schedule(name: string): string
}

export function clusterKeys(cluster: string): ClusterKeys {
  const prefix = `{gitwake:${cluster}}`
  return {
    prefix,
    deliveries: `${prefix}:deliveries`,
    deliveryOrder: `${prefix}:deliveries:order`,
    outcomes: `${prefix}:outcomes`,
    status: `${prefix}:status`,
    reads: `${prefix}:reads`,
    readAt: `${prefix}:read-at`,
    orphans: `${prefix}:orphans`,
    canary: `${prefix}:canary`,
    application: (name) => `${prefix}:app:${name}`,
    triggers: (name) => `${prefix}:triggers:${name}`,
    plan: (application, subject) => `${prefix}:plan:${application}:${subject}`,
    heads: (repository, ref) => `${prefix}:heads:${repository}:${ref}`,
    schedule: (name) => `${prefix}:schedule:${name}`,
  }
}

export const receiverKeys = {
  /** Hash: mark (id, provider and body), with `/<repository>` where that has a webhook of its own → DeliveryRecord without outcomes, as JSON. */
  delivery: (id: string): string => `{gitwake}:delivery:${id}`,
  /** List: delivery ids, oldest first. */
  deliveryOrder: '{gitwake}:deliveries:order',
  /** Sorted set: finishedAt → SyncResult as JSON. */
  history: (application: string): string => `{gitwake}:history:${application}`,
  /** The newest look of the history that found nothing to do, as it stands there. */
  idleLook: (application: string): string => `{gitwake}:history:${application}:idle`,
  /** The newest commit of the history that concerned nothing, as it stands there. */
  unaffected: (application: string): string => `{gitwake}:history:${application}:unaffected`,
  /** Sorted set: seen → the final answer to every ticket up to it, as JSON. */
  answers: (cluster: string, application: string): string => `{gitwake}:answers:${cluster}/${application}`,
  /** Hash: what each application and cluster said of this commit (src/record/commits). */
  commit: (revision: string): string => `{gitwake}:commit:${revision}`,
  /** Sorted set of equal scores: every commit that is known, so that one finds it by its first digits. */
  commits: '{gitwake}:commits',
  /** Sorted set: time of its newest result → commit, so that the oldest can be forgotten. */
  commitOrder: '{gitwake}:commits:order',
  /** Hash: `<cluster>/<application>` → `<ms> <commit>` that it carries. */
  carried: '{gitwake}:commits:carried',
  /** Counts of what an address did wrong; `<this>:<source>`. */
  failures: (kind: string): string => `{gitwake}:failures:${kind}`,
  /** What a key of a repeatable request was used for. */
  idempotency: (digest: string): string => `{gitwake}:idempotency:${digest}`,
  /** A person's session, sealed (src/login/seal.ts). */
  session: (digest: string): string => `{gitwake}:session:${digest}`,
  /** Exists for a while once a login was completed, so that it counts once. */
  login: (digest: string): string => `{gitwake}:login:${digest}`,
  /** Stream, numbered 1, 2, 3 …: the audit log (src/record/audit). */
  audit: '{gitwake}:audit',
  /** Hash: the newest entry, the newest that was cut off, and how far each source was taken. */
  auditHead: '{gitwake}:audit:head',
  /** Hash: cluster → id of the last outcome that was folded. */
  cursors: '{gitwake}:cursors',
} as const
