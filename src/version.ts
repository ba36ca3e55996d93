import { readFileSync } from 'node:fs'

/** The version of this program, from the package.json of the checkout or image it runs in. */
export function gitwakeVersion(): string {
  // One folder up from src/, two from dist/src/.
  for (const place of ['../package.json', '../../package.json']) {
    const text = textOf(new URL(place, import.meta.url))
    const [, version] = text === undefined ? [] : (/"version"\s*:\s*"([^"]+)"/.exec(text) ?? [])
    if (version !== undefined && text?.includes('"name": "gitwake"')) return version
  }
  return 'unknown'
}

function textOf(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
