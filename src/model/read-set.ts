import type { Application } from './configuration.ts'

/** What the last render of an application read of its repository: enough to say of a list of changed paths that it touches none of it. */
export interface ReadSet {
  readonly repository: string
  readonly ref: string
  readonly path: string
  /** Digest of the inputs of that render: with another tree, equal ones prove that nothing was touched. */
  readonly inputs: string
  /** Files and folders; a folder stands for all below it. What was looked for and is not there counts as read. */
  readonly paths: readonly string[]
}

/** A list of changed paths, ready to be asked many times. */
export interface ChangedPaths {
  readonly changed: ReadonlySet<string>
  /** They and every folder above one of them; '' is the root. */
  readonly folders: ReadonlySet<string>
}

export function changedPathsOf(paths: readonly string[]): ChangedPaths {
  const folders = new Set<string>()
  for (const path of paths) {
    for (const folder of upwards(path)) {
      if (folders.has(folder)) break
      folders.add(folder)
    }
  }
  return { changed: new Set(paths), folders }
}

/** Whether something that was read has changed: the path itself, something below it, or a folder above it that has become a file. Pure. */
export function touches({ changed, folders }: ChangedPaths, { paths }: ReadSet): boolean {
  return paths.some((path) => folders.has(path) || upwards(path).some((folder) => changed.has(folder)))
}

/** Whether this was read for the application as it is configured now. */
export function isReadFor({ repository, ref, path }: ReadSet, { source }: Application): boolean {
  return repository === source.repository && ref === source.ref && path === source.path
}

/** A path and every folder above it, up to the root. */
function upwards(path: string): readonly string[] {
  const found = [path]
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) found.push(path.slice(0, at))
  return path === '' ? found : [...found, '']
}

/** What is said of a commit that changes nothing here, whoever finds it out. */
export function nothingChanged(application: string): string {
  return `nothing that ${application} reads has changed`
}

/** What was stored, perhaps by another version: undefined where it cannot be read. */
export function decodeReadSet(value: unknown): ReadSet | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const [repository, ref, path, inputs] = ['repository', 'ref', 'path', 'inputs'].map((name): unknown => Reflect.get(value, name))
  const paths: unknown = Reflect.get(value, 'paths')
  if (typeof repository !== 'string' || typeof ref !== 'string' || typeof path !== 'string' || typeof inputs !== 'string') return undefined
  if (!Array.isArray(paths) || paths.length === 0) return undefined
  const texts = paths.filter((one) => typeof one === 'string')
  return texts.length === paths.length ? { repository, ref, path, inputs, paths: texts } : undefined
}
