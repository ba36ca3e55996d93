import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The folder of the one cache of the repository `shop`. */
export function cacheIn(cacheDir: string): string {
  const name = readdirSync(cacheDir).find((each) => each.startsWith('shop-') && !each.endsWith('.lock'))
  assert.ok(name)
  return join(cacheDir, name)
}

export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

export function packFiles(cache: string, extension: string): readonly string[] {
  return filesBelow(join(cache, 'objects/pack')).filter((path) => path.endsWith(extension))
}

/** Turns the packs of a cache into loose objects, which can be tampered with one by one. */
export function looseObjects(cache: string): readonly string[] {
  const packs = packFiles(cache, '.pack').map((path) => readFileSync(path))
  rmSync(join(cache, 'objects/pack'), { recursive: true })
  for (const pack of packs) execFileSync('git', ['--git-dir=.', 'unpack-objects', '-q'], { cwd: cache, input: pack })
  return filesBelow(join(cache, 'objects'))
}

export function overwrite(paths: readonly string[], content: string | Buffer): void {
  assert.notEqual(paths.length, 0)
  for (const path of paths) {
    chmodSync(path, 0o600)
    writeFileSync(path, content)
  }
}
