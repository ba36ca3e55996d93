/** '/'-separated paths from the repository's root; '' is the root itself. */

export function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

export function join(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`
}

/** True for the directory itself and everything below it. */
export function isBelow(path: string, directory: string): boolean {
  return directory === '' || path === directory || path.startsWith(`${directory}/`)
}

/** Resolves `../base` seen from a directory; undefined where it leaves the repository. */
export function resolvePath(directory: string, reference: string): string | undefined {
  const segments = directory === '' ? [] : directory.split('/')
  for (const segment of reference.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment !== '..') segments.push(segment)
    else if (segments.pop() === undefined) return undefined
  }
  return segments.join('/')
}

/** For messages: the root has no name of its own. */
export function displayDirectory(path: string): string {
  return path === '' ? "the repository's root" : path
}
