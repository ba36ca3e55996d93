import type { Log } from '../model/log.ts'

/** Makes up for requests that were refused: they may never be sent again, so what they announced has to be looked for. */
export interface CatchUp {
  /** Requests that concern these clusters were refused. Returns at once, never throws. */
  owe(clusters: readonly string[]): void
  stop(): void
}

/** A frozen Redis keeps its connections, so nobody tells when it is back; and a flood of refusals must not become one of sweeps. */
const TRY_EVERY_MS = 1_000

/** Asks for the sweeps that are owed until Redis has taken them. */
export function startCatchUp({ sweepNow, log }: { readonly sweepNow: (cluster: string) => Promise<void>; readonly log: Log }): CatchUp {
  const owed = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  const schedule = (): void => {
    if (timer !== undefined || stopped || owed.size === 0) return
    timer = setTimeout(() => {
      void pay().finally(() => {
        timer = undefined
        schedule()
      })
    }, TRY_EVERY_MS)
    timer.unref()
  }
  const pay = async (): Promise<void> => {
    const due = [...owed]
    // What is refused from here on is owed anew.
    owed.clear()
    for (const cluster of due) {
      await sweepNow(cluster).then(
        () => log.info({ cluster }, 'requests were refused: a sweep and polls look for what they announced'),
        (error: unknown) => {
          owed.add(cluster)
          log.debug({ cluster, problem: String(error) }, 'could not ask for a sweep yet')
        },
      )
    }
  }

  return {
    owe: (clusters) => {
      for (const cluster of clusters) owed.add(cluster)
      schedule()
    },
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}
