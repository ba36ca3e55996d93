import type { Application } from '../model/configuration.ts'
import { objectKey, type ObjectKey } from '../model/object.ts'
import type { Plan, PlannedChange } from '../model/plan.ts'
import { carryOut, type CarriedOut, type CarryOut } from './carry-out.ts'
import type { Decision } from './decide.ts'
import { openHooks, type Hooks } from './hooks.ts'
import { logMask } from './log-mask.ts'
import type { Proposal } from './propose.ts'
import type { Syncing, SyncPorts, SyncRequest } from './request.ts'
import { emptyInventory } from './tracking.ts'

/** What has become of a proposal. */
export interface Written {
  readonly decision: Decision
  readonly carried: CarriedOut
  /** Of objects and hooks. */
  readonly changes: readonly PlannedChange[]
}

/** Where the configuration says nothing. */
const HOOK_TIMEOUT_MS = 10 * 60_000

/** The hooks of a proposal, ready to be run. */
export function hooksOf(
  { tree, rendering, stored, decision, hooks }: Proposal,
  { application }: Pick<SyncRequest, 'application'>,
  { destination }: Pick<SyncPorts, 'destination'>,
): Hooks {
  const maskLog = logMask(
    application,
    rendering.objects.map(({ manifest }) => manifest),
  )
  return openHooks({
    planned: hooks,
    entries: stored?.inventory.hooks,
    work: {
      destination,
      applySet: decision.facts.applySet,
      revision: tree.revision,
      timeoutMs: application.sync.hookTimeoutMs ?? HOOK_TIMEOUT_MS,
      ...(maskLog && { maskLog }),
      pruned: prunedBy(decision.plan),
      ordinary: new Set(decision.facts.desired.objects.map(({ key }) => key)),
    },
  })
}

function prunedBy({ changes }: Plan): ReadonlyMap<ObjectKey, string> {
  return new Map(
    changes.flatMap(({ object, operation }) => (operation.verb === 'delete' ? [[objectKey(object), operation.uid] as const] : [])),
  )
}

/** Carries a proposal out, with its hooks. */
export async function write(proposal: Proposal, hooks: Hooks, { request, ports, run }: Syncing): Promise<Written> {
  const { application, signal, superseded } = request
  const { decision, stored, former } = proposal
  const carried = await run.time('apply', () =>
    carryOut({
      decision,
      destination: ports.destination,
      stored,
      ...(former && { former }),
      inventory: decision.facts.inventory ?? emptyInventory(application.name, ports.install),
      completed: completedBy(proposal, application, ports.now()),
      partial: application.sync.partial,
      waveTimeoutMs: application.sync.healthTimeoutMs,
      hooks,
      signal,
      superseded,
    }),
  )
  run.warnings = [...run.warnings, ...carried.warnings]
  return { decision, carried, changes: [...carried.changes, ...hooks.changes()] }
}

/** What the inventory says after a complete run. */
function completedBy(
  { tree, inputs, rendering }: Proposal,
  { destination, deletionPolicy, sync }: Application,
  now: number,
): CarryOut['completed'] {
  return {
    revision: tree.revision,
    inputs,
    rendered: rendering.digest,
    appliedAt: new Date(now).toISOString(),
    // Once the configuration has the application no more, nothing else tells what was wanted.
    cluster: destination.cluster,
    deletion: {
      policy: deletionPolicy ?? 'orphan',
      ...(sync.pruneBudget && { budget: sync.pruneBudget }),
      ...(destination.serviceAccount !== undefined && { account: { namespace: destination.namespace, name: destination.serviceAccount } }),
    },
  }
}
