import type { Configuration, CurrentConfiguration } from '../model/configuration.ts'
import type { Target } from '../model/intake.ts'
import { matchesImage } from '../model/image.ts'
import type { ImagePush, Push, Rename } from '../model/push.ts'
import { normaliseRepositoryUrl } from '../model/repository-url.ts'
import { isVersionSelector, selectsTag } from '../model/version-range.ts'

/** `repository` is the one that the webhook's own URL names, if any. */
export interface Match {
  /** The applications that follow, or listen to, what was pushed, or whose repository was renamed. */
  targets(push: Push | ImagePush | Rename, repository?: string): readonly Target[]
  /** The names of the repositories that were pushed to. */
  repositories(push: Push, repository?: string): readonly string[]
}

/** The configuration, turned round: from a repository URL and a ref to the applications. */
interface Index {
  readonly repositories: ReadonlyMap<string, readonly string[]>
  readonly targets: ReadonlyMap<string, readonly Target[]>
  /** By repository: the applications that follow a range of versions. */
  readonly ranges: ReadonlyMap<string, readonly Range[]>
  readonly listeners: readonly Listener[]
  readonly all: readonly Target[]
}

/** An application that listens to images. */
interface Listener {
  readonly patterns: readonly string[]
  readonly target: Target
}

interface Range {
  readonly selector: string
  readonly target: Target
}

const rememberedUrls = 2000

/** A Match that follows reloads: the index is built once per accepted configuration. */
export function createMatch(current: CurrentConfiguration): Match {
  let known: { readonly configuration: Configuration; readonly index: Index } | undefined
  const normalise = rememberingNormalise()
  const index = (): Index => {
    const configuration = current()
    if (known?.configuration !== configuration) known = { configuration, index: indexOf(configuration) }
    return known.index
  }
  return {
    targets: (push, repository) => {
      if (push.kind === 'image') return listenersTo(push, index(), repository)
      if (push.kind === 'rename') return followersOf(push, index(), repository)
      return lookUp(push, index(), repository, normalise)
    },
    repositories: (push, repository) => [...namesOf(push, index(), repository, normalise)],
  }
}

function namesOf(
  { repositoryUrls }: Pick<Push, 'repositoryUrls'>,
  index: Index,
  repository: string | undefined,
  normalise: typeof normaliseRepositoryUrl,
): ReadonlySet<string> {
  if (repository !== undefined) return new Set([repository])
  return new Set(repositoryUrls.flatMap((url) => index.repositories.get(normalise(url) ?? '') ?? []))
}

/** Whatever ref they follow. Names on one host may differ in case; a path without its host may be that of several. */
function followersOf({ from }: Rename, { repositories, all }: Index, repository: string | undefined): readonly Target[] {
  const path = from.path.toLowerCase()
  const isMeant = (url: string): boolean =>
    from.host === undefined ? url.slice(url.indexOf('/') + 1) === path : url === `${from.host.toLowerCase()}/${path}`
  const named = [...repositories].flatMap(([url, names]) => (isMeant(url) ? names : []))
  const names = new Set(repository === undefined ? named : [repository])
  return all.filter((target) => names.has(target.repository))
}

/** A repository's own webhook reaches the applications of that repository alone, whatever images it names. */
function listenersTo({ images }: ImagePush, { listeners }: Index, repository: string | undefined): readonly Target[] {
  return listeners.flatMap(({ patterns, target }) => {
    const isMeant = repository === undefined || target.repository === repository
    return isMeant && images.some((image) => patterns.some((pattern) => matchesImage(pattern, image))) ? [target] : []
  })
}

/** Pure: the same for one configuration. */
export function matchPush(push: Push, configuration: Configuration, repository?: string): readonly Target[] {
  return lookUp(push, indexOf(configuration), repository, normaliseRepositoryUrl)
}

/**
 * A repository's own webhook names the repository itself: its secret reaches no other one, and a repository that was renamed
 * at its host keeps working. Otherwise any of the payload's URLs may name it. Refs are compared in full: a tag is no branch.
 */
function lookUp(push: Push, index: Index, repository: string | undefined, normalise: typeof normaliseRepositoryUrl): readonly Target[] {
  return [...namesOf(push, index, repository, normalise)].flatMap((name) => [
    ...(index.targets.get(keyOf(name, push.ref)) ?? []),
    ...rangesThatSelect(push.ref, index.ranges.get(name)),
  ])
}

function rangesThatSelect(ref: string, ranges: readonly Range[] = []): readonly Target[] {
  return ranges.flatMap(({ selector, target }) => (selectsTag(selector, ref) ? [target] : []))
}

function indexOf({ repositories, applications }: Configuration): Index {
  const byUrl = new Map<string, string[]>()
  for (const { name, url } of repositories.values()) {
    const normalised = normaliseRepositoryUrl(url)
    if (normalised !== undefined) append(byUrl, normalised, name)
  }
  const targets = new Map<string, Target[]>()
  const ranges = new Map<string, Range[]>()
  const listeners: Listener[] = []
  const all: Target[] = []
  for (const { name, source, destination, images } of applications.values()) {
    const target = {
      application: name,
      cluster: destination.cluster,
      repository: source.repository,
    }
    all.push(target)
    if (images !== undefined) listeners.push({ patterns: images, target })
    if (isVersionSelector(source.ref)) append(ranges, source.repository, { selector: source.ref, target })
    else append(targets, keyOf(source.repository, source.ref), target)
  }
  return { repositories: byUrl, targets, ranges, listeners, all }
}

/** Neither a name nor a ref contains a space. */
function keyOf(repository: string, ref: string): string {
  return `${repository} ${ref}`
}

function append<Item>(map: Map<string, Item[]>, key: string, item: Item): void {
  const items = map.get(key)
  if (items) items.push(item)
  else map.set(key, [item])
}

/** Each repository sends the same handful of URLs with every push. */
function rememberingNormalise(): typeof normaliseRepositoryUrl {
  const remembered = new Map<string, string | undefined>()
  return (url) => {
    if (remembered.has(url)) return remembered.get(url)
    if (remembered.size >= rememberedUrls) remembered.clear()
    const normalised = normaliseRepositoryUrl(url)
    remembered.set(url, normalised)
    return normalised
  }
}
