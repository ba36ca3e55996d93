import { benchApplications } from './applications.ts'
import { benchIntake } from './intake.ts'
import { benchObjects } from './objects.ts'
import { benchPush } from './push.ts'
import { displayRow, type Row } from './row.ts'

// `npm run bench [-- --only NAME] [--json]`: each row with the raw limit of the same run beside it.
const benches: Readonly<Record<string, () => Promise<Row[]>>> = {
  push: benchPush,
  objects: benchObjects,
  applications: benchApplications,
  intake: benchIntake,
}

const parameters = process.argv.slice(2)
const only = parameters.includes('--only') ? parameters[parameters.indexOf('--only') + 1] : undefined
if (only !== undefined && benches[only] === undefined) {
  console.error(`there is no bench ${only}: name one of ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}
const rows: Row[] = []
for (const [name, bench] of Object.entries(benches)) {
  if (only !== undefined && name !== only) continue
  console.error(`gitwake: measuring ${name}`)
  rows.push(...(await bench()))
}
console.log(parameters.includes('--json') ? JSON.stringify(rows) : rows.map(displayRow).join('\n'))
process.exit(0)
