import { benchApplications } from './applications.ts'
import { benchDrift } from './drift.ts'
import { benchIntake } from './intake.ts'
import { benchObjects } from './objects.ts'
import { benchPush } from './push.ts'
import { displayRow, type Row } from './row.ts'
import { benchScale } from './scale.ts'

// `npm run bench [-- --only NAME] [--json] [--picture FILE] [--quick]`: each row with the raw limit of the same run beside it.
// A picture is drawn by `scale` and `intake`, where one of them is named.
const benches: Readonly<Record<string, (options: { readonly picture: string | undefined; readonly quick: boolean }) => Promise<Row[]>>> = {
  push: benchPush,
  objects: benchObjects,
  applications: benchApplications,
  drift: benchDrift,
  intake: benchIntake,
  scale: benchScale,
}

const parameters = process.argv.slice(2)
const after = (option: string): string | undefined => (parameters.includes(option) ? parameters[parameters.indexOf(option) + 1] : undefined)
const only = after('--only')
if (parameters.includes('--only') && (only === undefined || !Object.hasOwn(benches, only))) {
  console.error(`there is no bench ${only ?? '(none was named)'}: name one of ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}
const rows: Row[] = []
for (const [name, bench] of Object.entries(benches)) {
  if (only !== undefined && name !== only) continue
  console.error(`gitwake: measuring ${name}`)
  rows.push(...(await bench({ picture: only === undefined ? undefined : after('--picture'), quick: parameters.includes('--quick') })))
}
console.log(parameters.includes('--json') ? JSON.stringify(rows) : rows.map(displayRow).join('\n'))
process.exit(0)
