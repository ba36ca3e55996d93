import { setTimeout as sleep } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import { keepYoungSmall } from '../../src/roles/garbage.ts'

// A process of its own under a load that grows: `node young-process.js small` keeps its young generation small. Prints the bytes of it.
if (process.argv[2] === 'small') keepYoungSmall()
const kept: object[][] = []
for (let round = 0; round < 60; round += 1) {
  kept.push(Array.from({ length: 500 * (round + 1) }, (_, index) => ({ index, name: `object-${index}` })))
  if (kept.length > 8) kept.shift()
  await sleep(25)
}
process.stdout.write(String(getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size))
process.exit(0)
