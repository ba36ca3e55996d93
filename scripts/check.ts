import { spawnSync } from 'node:child_process'
import { checkoutRoot } from '../test/support/checkout.ts'

// `npm run check`: types were checked when this file was compiled; lint, format and dead code follow, each told by name.
const checks: readonly (readonly [string, readonly string[]])[] = [
  ['lint', ['oxlint', '--type-aware', '--deny-warnings', 'src', 'scripts', 'bench', 'test']],
  ['format', ['oxfmt', '--check', 'src', 'scripts', 'bench', 'test']],
  ['dead code', ['knip']],
]
const failed = checks.filter(([name, [program = '', ...args]]) => {
  const result = spawnSync(`${checkoutRoot}/node_modules/.bin/${program}`, args, { cwd: checkoutRoot, stdio: 'inherit' })
  console.log(`${name}: ${result.status === 0 ? 'clean' : 'FAILED'}`)
  return result.status !== 0
})
process.exit(failed.length === 0 ? 0 : 1)
