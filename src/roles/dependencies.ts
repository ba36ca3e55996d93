import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { answerOf } from '../model/answer.ts'
import type { Application, CurrentConfiguration } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import type { Intake } from '../model/intake.ts'
import type { SyncResult } from '../model/result.ts'
import { readLastKnown } from '../queue/last-known.ts'
import { progressOf } from '../queue/state.ts'

export interface DependencyOptions {
  readonly configuration: CurrentConfiguration
  readonly redis: Redis
  readonly intake: Intake
}

/** What one push brings for both is here in a moment; what takes longer is tried again later. */
const PATIENCE_MS = 60_000
const LOOK_EVERY_MS = 200

/**
 * An application waits until everything that it depends on is applied and healthy with its newest ticket answered: what one push brings
 * for both is applied there first, and not at all here while it is refused there. Throws GitwakeError `dependency-not-ready` (retryable).
 */
export async function requireDependencies(
  application: Application,
  { configuration, redis, signal }: Omit<DependencyOptions, 'intake'> & { readonly signal: AbortSignal },
): Promise<void> {
  const patience = performance.now() + PATIENCE_MS
  for (const name of application.dependsOn) {
    const cluster = configuration().applications.get(name)?.destination.cluster
    const trouble = cluster === undefined ? 'is not configured' : await troubleOf(name, cluster, redis, patience, signal)
    if (trouble === undefined) continue
    throw new GitwakeError('dependency-not-ready', `${application.name} waits for ${name}, which ${trouble}`, {
      fix: `Nothing to do, unless ${name} stays so: look at it.`,
      retryable: true,
    })
  }
}

async function troubleOf(name: string, cluster: string, redis: Redis, patience: number, signal: AbortSignal): Promise<string | undefined> {
  for (;;) {
    const progress = await progressOf(redis, cluster, name)
    const { isApplied, health } = await readLastKnown(redis, cluster, name)
    if (progress === 'answered') return isApplied ? (health === 'current' ? undefined : `is ${health}`) : 'is not applied yet'
    if (progress === 'failed') return 'has failed'
    if (performance.now() >= patience) return 'is still being synced'
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

/** Once an application is done, those that wait for it need not wait for their retry. Asked for after its outcome was recorded. */
export async function wakeDependents(result: SyncResult, { configuration, redis, intake }: DependencyOptions): Promise<void> {
  if (answerOf(result) !== 'answered' || result.health.status !== 'current') return
  for (const { name, source, destination, dependsOn } of configuration().applications.values()) {
    if (!dependsOn.includes(result.application) || (await progressOf(redis, destination.cluster, name)) === 'answered') continue
    const target = { application: name, cluster: destination.cluster, repository: source.repository }
    await intake.acceptTrigger(target, { reason: 'dependency', at: Date.now(), actor: result.application })
  }
}
