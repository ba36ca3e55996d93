/** One thing that must hold before requests should come here, or for the process to be of use. */
export interface Check {
  /** As it stands in the answer: `redis`, `configuration`, `worker prod`. */
  readonly name: string
  readonly ok: boolean
  /** One sentence; shown to everybody, so never with a secret or an internal address. */
  readonly message: string
}

/** Asks everything that an answer depends on. A check that rejects or takes longer than 3 s counts as failed. */
export type Checks = () => Promise<readonly Check[]>

const LONGEST_CHECK_MS = 3_000

/** The checks' results, in time whatever they do. */
export async function inTime(checks: Checks): Promise<{ readonly ready: boolean; readonly checks: readonly Check[] }> {
  const { promise, resolve } = Promise.withResolvers<readonly Check[]>()
  const failed = (message: string) => resolve([{ name: 'readiness', ok: false, message }])
  const timer = setTimeout(() => failed('The checks took too long.'), LONGEST_CHECK_MS)
  checks().then(resolve, () => failed('The checks could not be made.'))
  try {
    const results = await promise
    return { ready: results.every(({ ok }) => ok), checks: results }
  } finally {
    clearTimeout(timer)
  }
}
