import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'

/** A generated file of the checkout says what the program says. With GITWAKE_UPDATE_GENERATED=1 the file is written instead of compared. */
export async function holdsEqual(path: string, expected: (present: string) => string): Promise<void> {
  const file = new URL(`../../${path}`, import.meta.url)
  const present = await readFile(await sourceOf(file), 'utf8')
  const wanted = expected(present)
  if (process.env['GITWAKE_UPDATE_GENERATED'] === '1') await writeFile(await sourceOf(file), wanted)
  else assert.equal(present, wanted, `${path} is out of date: run this test with GITWAKE_UPDATE_GENERATED=1`)
}

/** The compiled test runs below dist/, one folder deeper than its source. */
async function sourceOf(file: URL): Promise<URL> {
  return file.pathname.includes('/dist/') ? new URL(file.href.replace('/dist/', '/')) : file
}
