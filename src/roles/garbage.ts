import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes. Less than this is not worth a look at the whole heap, some 80 ms for 70 MiB. */
const LEAST_GROWTH = 24 * 1024 * 1024
/** Of what was alive after the last look, so that looks at a large heap do not come more often. */
const GROWTH = 0.5
const EVERY_MS = 500

/** Whether so much has come since the last look that half of the heap may be garbage. Bytes; pure. */
export function isDue(used: number, aliveBefore: number): boolean {
  return used - aliveBefore > Math.max(LEAST_GROWTH, GROWTH * aliveBefore)
}

/**
 * Collects the garbage of many syncs before it has piled up. V8 does so by itself, but lets the heap grow to a part of the machine's memory before it
 * looks for the first time: what a sync holds for some seconds is old by then, and is kept until that look.
 */
export function collectEarly(collect: () => void = collector()): { stop(): void } {
  let alive = process.memoryUsage().heapUsed
  const timer = setInterval(() => {
    const used = process.memoryUsage().heapUsed
    // V8 may have looked meanwhile.
    alive = Math.min(alive, used)
    if (!isDue(used, alive)) return
    collect()
    alive = process.memoryUsage().heapUsed
  }, EVERY_MS).unref()
  return { stop: () => clearInterval(timer) }
}

/** V8's own, which else only `node --expose-gc` has. */
function collector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  return () => {
    if (typeof collect === 'function') collect()
  }
}

/** Bytes of both halves. */
const LARGEST_YOUNG = 8 * 1024 * 1024
const YOUNG_EVERY_MS = 100

/**
 * Lets V8's young generation grow to 4 MiB for each half, or 8 where it grows fast, much as `--max-semi-space-size=4` does for whoever starts node
 * with it. Under load it would become several times as large, and stay so.
 */
export function keepYoungSmall(): void {
  const timer = setInterval(() => {
    const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')
    if (young === undefined || young.space_size < LARGEST_YOUNG) return
    clearInterval(timer)
    setFlagsFromString('--semi-space-growth-factor=1')
  }, YOUNG_EVERY_MS).unref()
}
