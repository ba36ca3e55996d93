import { rcompare, satisfies, valid, validRange } from 'semver'

/** An application may follow the newest tag of a range: `semver:>=1.2 <2` stands where a ref stands. */
const PREFIX = 'semver:'
const TAGS = 'refs/tags/'

/** The selector in one spelling, or undefined where the text is none or its range says nothing. https://github.com/npm/node-semver#ranges */
export function versionSelector(text: string): string | undefined {
  if (!isVersionSelector(text)) return undefined
  const range = validRange(text.slice(PREFIX.length).trim() || 'none')
  return range === null ? undefined : `${PREFIX}${range}`
}

export function isVersionSelector(ref: string): boolean {
  return ref.startsWith(PREFIX)
}

/** Does the tag (`refs/tags/v1.4.2`, with or without `v`) name a version in the selector's range? Pre-releases only where the range names one. */
export function selectsTag(selector: string, ref: string): boolean {
  const version = versionOf(ref)
  return version !== undefined && satisfies(version, selector.slice(PREFIX.length))
}

/** Of these refs the tag of the highest version in the range. */
export function newestTag(selector: string, refs: Iterable<string>): string | undefined {
  const tags = [...refs].filter((ref) => selectsTag(selector, ref))
  // Equal versions (v1.0.0 and 1.0.0, builds) go by name, so that everybody chooses the same.
  return tags.toSorted((left, right) => rcompare(versionOf(left) ?? '', versionOf(right) ?? '') || (left < right ? -1 : 1))[0]
}

function versionOf(ref: string): string | undefined {
  return ref.startsWith(TAGS) ? (valid(ref.slice(TAGS.length)) ?? undefined) : undefined
}
