import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/** Percent of what was alive: V8 looks for garbage when so much has been added since its last look. */
const GROWTH = 30
/** Bytes of both halves of the young generation. */
const LARGEST_YOUNG = 8 * 1024 * 1024
const YOUNG_EVERY_MS = 100

/**
 * Lets V8 collect garbage before it has piled up, as `--heap-growing-percent` does for whoever starts node with it, and lets its young generation
 * grow to 4 MiB for each half, or 8 where it grows fast, much as `--max-semi-space-size=4` does. Otherwise the heap grows to a part of the
 * machine's memory before V8 looks for the first time, and the young generation stays as large as a burst has made it.
 */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH}`)
  const timer = setInterval(() => {
    const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')
    if (young === undefined || young.space_size < LARGEST_YOUNG) return
    clearInterval(timer)
    setFlagsFromString('--semi-space-growth-factor=1')
  }, YOUNG_EVERY_MS).unref()
}
