import { setTimeout as delay } from 'node:timers/promises'

/** Asks every `everyMs` until the probe has an answer; throws what was waited for when `limitMs` have passed. */
export async function waitFor<Value>(
  what: string,
  probe: () => Promise<Value | undefined>,
  { signal, limitMs, everyMs = 20 }: { readonly signal: AbortSignal; readonly limitMs: number; readonly everyMs?: number },
): Promise<Value> {
  const end = performance.now() + limitMs
  for (;;) {
    const value = await probe()
    if (value !== undefined) return value
    if (performance.now() > end) throw new Error(`${what}: did not happen within ${limitMs / 1000} s`)
    await delay(everyMs, undefined, { signal })
  }
}
