import type { Redis } from '../model/redis.ts'
import { clusterKeys } from '../model/keys.ts'
import { subjectText, type Planner, type PlanReport, type PlanSubject } from '../model/plan-report.ts'
import { clockAt } from './clock.ts'
import { reachable } from './connection.ts'
import { encodeFitting } from './fitting.ts'
import type { Jobs } from './jobs.ts'

/** Long enough to read a plan and to speak about it; it is made anew whenever somebody asks. */
const KEPT_SECONDS = 15 * 60

/** Plans on demand: the serve role asks, a worker plans and keeps the answer here. */
export function createPlanner({ redis, jobs }: { readonly redis: Redis; readonly jobs: (cluster: string) => Jobs }): Planner {
  return {
    async ask({ application, cluster }, subject) {
      // Redis' clock, on both sides: those of serve and work may differ.
      const since = await reachable(clockAt(redis, clusterKeys(cluster).plan(application, subjectText(subject))))
      await jobs(cluster).addPlan(application, subjectText(subject))
      return since
    },
    async find({ application, cluster }, subject, since) {
      const text = await reachable(redis.get(clusterKeys(cluster).plan(application, subjectText(subject))))
      const [, begunAt, json] = /^(\d+) (.*)$/s.exec(text ?? '') ?? []
      return begunAt === undefined || json === undefined || Number(begunAt) < since ? undefined : decodePlan(json)
    },
  }
}

/** Runs a plan and keeps it; with the moment at which it began, so that nobody takes one for an answer to a later question. */
export async function keepPlan(
  redis: Redis,
  place: { readonly cluster: string; readonly application: string; readonly subject: PlanSubject },
  run: () => Promise<PlanReport>,
): Promise<PlanReport> {
  const key = clusterKeys(place.cluster).plan(place.application, subjectText(place.subject))
  const begunAt = await clockAt(redis, key)
  const report = await run()
  await redis.set(key, `${begunAt} ${encodeFitting(report)}`, 'EX', KEPT_SECONDS)
  return report
}

/** Written by a worker, perhaps of another version: what cannot be read is no plan. */
function decodePlan(json: string): PlanReport | undefined {
  const value: unknown = JSON.parse(json)
  const isReport =
    typeof value === 'object' &&
    value !== null &&
    'schema' in value &&
    value.schema === 1 &&
    'changes' in value &&
    Array.isArray(value.changes)
  return isReport ? (value as unknown as PlanReport) : undefined
}
