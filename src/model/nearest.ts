/** The candidate that was probably meant: the one with the fewest typing mistakes, or undefined where none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > 200) return undefined
  const wanted = word.toLowerCase()
  // A short word may differ in one place only, or everything would be near everything.
  let best = Math.max(1, Math.floor(word.length / 3)) + 1
  let found: string | undefined
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= best) continue
    const distance = distanceBetween(wanted, candidate.toLowerCase())
    if (distance < best) [best, found] = [distance, candidate]
  }
  return found
}

/** `; did you mean "shop"?`, or what there is to choose from, or nothing. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const known = [...candidates]
  const near = nearest(word, known)
  if (near !== undefined) return `; did you mean "${near}"?`
  if (known.length === 0 || known.length > 12) return ''
  return `; known: ${known.join(', ')}`
}

/** Edits (insert, delete, replace, swap of neighbours) that turn one word into the other. */
function distanceBetween(left: string, right: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1]
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      const edit = Math.min(at(previous, column) + 1, at(current, column - 1) + 1, at(previous, column - 1) + (same ? 0 : 1))
      current.push(swapped && row > 1 && column > 1 ? Math.min(edit, at(beforePrevious, column - 2) + 1) : edit)
    }
    ;[beforePrevious, previous] = [previous, current]
  }
  return at(previous, right.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
