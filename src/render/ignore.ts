import { matchPath, matchSegment } from '../model/glob.ts'

export const IGNORE_FILE = '.gitwakeignore'

interface Rule {
  readonly negated: boolean
  readonly directoryOnly: boolean
  /** Split at '/'; a pattern without a slash in it matches a name at any depth. */
  readonly segments: readonly string[]
  readonly anchored: boolean
}

/** Decides about files and directories, by the rules of every .gitwakeignore above them. */
export interface Ignore {
  /** `path` is relative to where the rules start. */
  isIgnored(path: string): boolean
}

/**
 * The rules of .gitwakeignore files, with the meaning of .gitignore: a deeper file and a later line win, `!` takes back, and nothing below an
 * ignored directory comes back. `files` maps the directory of each file ('' is the top) to its text.
 */
export function createIgnore(files: ReadonlyMap<string, string>): Ignore {
  const rules = new Map<string, readonly Rule[]>()
  for (const [directory, text] of files) rules.set(directory, parseRules(text))
  const directories = new Map<string, boolean>([['', false]])

  function decide(path: string, isDirectory: boolean): boolean {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    if (isIgnoredDirectory(parent)) return true
    const segments = path.split('/')
    for (let depth = segments.length - 1; depth >= 0; depth--) {
      const inDirectory = rules.get(segments.slice(0, depth).join('/')) ?? []
      const last = inDirectory.findLast((rule) => matches(rule, segments.slice(depth), isDirectory))
      if (last !== undefined) return !last.negated
    }
    // Names with a dot belong to tools (.github, .gitlab-ci.yml) unless a rule says otherwise.
    return segments.at(-1)?.startsWith('.') === true
  }

  function isIgnoredDirectory(path: string): boolean {
    let ignored = directories.get(path)
    if (ignored === undefined) {
      ignored = decide(path, true)
      directories.set(path, ignored)
    }
    return ignored
  }

  return { isIgnored: (path) => decide(path, false) }
}

function matches(rule: Rule, path: readonly string[], isDirectory: boolean): boolean {
  if (rule.directoryOnly && !isDirectory) return false
  if (rule.anchored) return matchPath(rule.segments, path)
  return matchSegment(rule.segments[0] ?? '', path.at(-1) ?? '')
}

function parseRules(text: string): readonly Rule[] {
  return text.split(/\r?\n/).flatMap((line) => parseRule(line) ?? [])
}

function parseRule(line: string): Rule | undefined {
  let pattern = trimEnd(line)
  if (pattern === '' || pattern.startsWith('#')) return undefined
  const negated = pattern.startsWith('!')
  if (negated) pattern = pattern.slice(1)
  const directoryOnly = pattern.endsWith('/')
  if (directoryOnly) pattern = pattern.slice(0, -1)
  if (pattern === '') return undefined
  const anchored = pattern.includes('/')
  if (pattern.startsWith('/')) pattern = pattern.slice(1)
  return { negated, directoryOnly, anchored, segments: pattern.split('/') }
}

/** Trailing spaces do not count unless a backslash keeps them. */
function trimEnd(line: string): string {
  let end = line.length
  while (end > 0 && line[end - 1] === ' ' && line[end - 2] !== '\\') end--
  return line.slice(0, end)
}
