import { setTimeout as sleep } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import { keepHeapSmall } from '../../src/roles/heap.ts'

// A process of its own under a load of objects that live for a while: `node heap-process.js small` keeps its heap small. Prints the bytes of the
// young generation at the end, and the most that the old one has had.
if (process.argv[2] === 'small') keepHeapSmall()
const spaceOf = (name: string): number => getHeapSpaceStatistics().find(({ space_name: one }) => one === name)?.space_size ?? 0
const kept: object[][] = []
let old = 0
for (let round = 0; round < 90; round += 1) {
  kept.push(Array.from({ length: 500 * Math.min(round + 1, 60) }, (_, index) => ({ index, name: `object-${index}` })))
  if (kept.length > 8) kept.shift()
  old = Math.max(old, spaceOf('old_space'))
  await sleep(25)
}
process.stdout.write(JSON.stringify({ young: spaceOf('new_space'), old }))
process.exit(0)
