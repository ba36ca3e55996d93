/**
 * gitignore globs without regular expressions: patterns come from a commit, and a regular expression made from `*a*a*a*b` can be kept
 * busy for minutes. Every match here costs at most (length of pattern) × (length of path).
 */

/** Matches a path against a pattern, both split at '/': `**` stands for any number of segments. */
export function matchPath(pattern: readonly string[], path: readonly string[]): boolean {
  // reachable[j]: the pattern so far matches the first j segments.
  let reachable = Array.from({ length: path.length + 1 }, (_, at) => at === 0)
  for (const [index, segment] of pattern.entries()) {
    const next = reachable.map(() => false)
    if (segment === '**') {
      // At the end it stands for everything inside, so for one segment at least.
      const least = index === pattern.length - 1 ? 1 : 0
      const from = reachable.indexOf(true)
      if (from >= 0) next.fill(true, from + least)
    } else {
      for (const [at, name] of path.entries()) next[at + 1] = reachable[at] === true && matchSegment(segment, name)
    }
    reachable = next
  }
  return reachable[path.length] === true
}

/** Matches one name: `*`, `?`, `[a-z]`, `[!a]`, `[[:digit:]]` and `\` before a literal character. */
export function matchSegment(pattern: string, name: string): boolean {
  let at = 0
  let inName = 0
  let star = -1
  let starName = 0
  while (inName < name.length) {
    const one = pattern[at] === '*' ? undefined : matchOne(pattern, at, name.charAt(inName))
    if (one !== undefined && one.matches) {
      at = one.end
      inName++
    } else if (pattern[at] === '*') {
      star = ++at
      starName = inName
    } else if (star >= 0) {
      at = star
      inName = ++starName
    } else {
      return false
    }
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}

function matchOne(pattern: string, at: number, character: string): { matches: boolean; end: number } {
  const first = pattern[at]
  if (first === undefined) return { matches: false, end: at }
  if (first === '?') return { matches: true, end: at + 1 }
  if (first === '[') return matchClass(pattern, at + 1, character)
  if (first === '\\') return { matches: pattern[at + 1] === character, end: at + 2 }
  return { matches: first === character, end: at + 1 }
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /^[A-Za-z0-9]$/,
  alpha: /^[A-Za-z]$/,
  digit: /^[0-9]$/,
  lower: /^[a-z]$/,
  upper: /^[A-Z]$/,
  xdigit: /^[0-9A-Fa-f]$/,
  blank: /^[ \t]$/,
  space: /^\s$/,
  punct: /^[!-/:-@[-`{-~]$/,
  print: /^[ -~]$/,
  graph: /^[!-~]$/,
  cntrl: /^\p{Cc}$/u,
}

/** `at` is the first character inside of the brackets. A class that never closes matches nothing, as in git. */
function matchClass(pattern: string, at: number, character: string): { matches: boolean; end: number } {
  const negated = pattern[at] === '!' || pattern[at] === '^'
  let matches = false
  let first = true
  for (let i = negated ? at + 1 : at; i < pattern.length; first = false) {
    if (pattern[i] === ']' && !first) return { matches: matches !== negated, end: i + 1 }
    const named = pattern.startsWith('[:', i) ? pattern.indexOf(':]', i) : -1
    if (named > 0) {
      matches ||= CLASSES[pattern.slice(i + 2, named)]?.test(character) === true
      i = named + 2
      continue
    }
    const low = literal(pattern, i)
    const isRange = pattern[low.end] === '-' && low.end + 1 < pattern.length && pattern[low.end + 1] !== ']'
    const high = isRange ? literal(pattern, low.end + 1) : low
    matches ||= low.character <= character && character <= high.character
    i = high.end
  }
  return { matches: false, end: pattern.length }
}

function literal(pattern: string, at: number): { character: string; end: number } {
  return pattern[at] === '\\' ? { character: pattern.charAt(at + 1), end: at + 2 } : { character: pattern.charAt(at), end: at + 1 }
}
