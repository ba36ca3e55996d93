/** As much of a SelfSubjectRulesReview's status as the test reads. */
export interface RulesStatus {
  readonly resourceRules: readonly {
    readonly verbs: readonly string[]
    readonly apiGroups?: readonly string[]
    readonly resources?: readonly string[]
    readonly resourceNames?: readonly string[]
  }[]
  readonly nonResourceRules: readonly { readonly verbs: readonly string[]; readonly nonResourceURLs?: readonly string[] }[]
}

const HEAD = row('Resources', 'Non-Resource URLs', 'Resource Names', 'Verbs')

/** The rows of `kubectl auth can-i --list`: one for each resource (of its names) and each URL, sorted, with all verbs that any rule grants. */
export function rowsOf({ resourceRules, nonResourceRules }: RulesStatus): readonly string[] {
  const granted = [
    ...resourceRules.flatMap(({ apiGroups = [], resources = [], resourceNames = [], verbs }) =>
      apiGroups.flatMap((group) => resources.map((resource) => ({ what: of(resource, group), url: '', names: resourceNames, verbs }))),
    ),
    ...nonResourceRules.flatMap(({ nonResourceURLs = [], verbs }) =>
      nonResourceURLs.map((url) => ({ what: '', url, names: [] as readonly string[], verbs })),
    ),
  ]
  const rows = Map.groupBy(granted, ({ what, url, names }) => JSON.stringify([what, url, list(names)]))
  return [...rows.values()]
    .flatMap((same) =>
      same.slice(0, 1).map(({ what, url, names }) => row(what, list([url]), list(names), list(same.flatMap(({ verbs }) => verbs)))),
    )
    .sort()
}

/** Rows as a table; a sentence where there are none. */
export function table(rows: readonly string[]): string {
  return rows.length === 0 ? 'nothing\n' : `${[HEAD, ...rows].join('\n')}\n`
}

function of(resource: string, group: string): string {
  return group === '' ? resource : `${resource}.${group}`
}

function list(values: readonly string[]): string {
  return `[${[...new Set(values)]
    .filter((value) => value !== '')
    .sort()
    .join(' ')}]`
}

function row(what: string, url: string, names: string, verbs: string): string {
  return `${what.padEnd(45)} ${url.padEnd(37)} ${names.padEnd(16)} ${verbs}`
}
