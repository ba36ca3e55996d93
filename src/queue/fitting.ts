import type { Change } from '../model/plan.ts'

/** A result with thousands of changes is cut: what does not fit is still counted in `counts`. */
const MOST_CHARACTERS = 256 * 1024

interface Telling {
  readonly changes: readonly Change[]
  readonly warnings: readonly string[]
}

/** JSON of a result or plan that Redis can bear: first without the differences of fields, then without the last changes; and it says so. */
export function encodeFitting<Value extends Telling>(value: Value, shorten: (value: Value) => Value = (same) => same): string {
  const text = JSON.stringify(value)
  if (text.length <= MOST_CHARACTERS) return text
  const bare = value.changes.map(({ diff: _diff, moreFields: _moreFields, ...change }) => change)
  const warned = (changes: readonly Change[], warning: string): Value =>
    shorten({ ...value, changes, warnings: [...value.warnings.slice(0, 50), warning] })
  const plain = JSON.stringify(warned(bare, 'what changed in each object is not recorded: the result is too large'))
  if (plain.length <= MOST_CHARACTERS) return plain
  const fits = Math.floor((bare.length * MOST_CHARACTERS) / plain.length / 2)
  return JSON.stringify(
    warned(bare.slice(0, fits), `${bare.length - fits} of ${bare.length} changes are not recorded: the result is too large`),
  )
}
