import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { watchConfiguration, type WatchedConfiguration } from '../../src/config/watch.ts'
import type { Log } from '../../src/model/log.ts'

const configuration = (interval: string): string => `apiVersion: gitwake.dev/v1
kind: Repository
metadata: {name: shop}
spec: {url: https://github.com/acme/shop.git, pollInterval: ${interval}}
`

let folder = ''
let watched: WatchedConfiguration | undefined
let lines: string[] = []
const log: Log = {
  debug: () => undefined,
  info: (_fields, message) => lines.push(`info ${message}`),
  warn: (_fields, message) => lines.push(`warn ${message}`),
  error: (_fields, message) => lines.push(`error ${message}`),
  child: () => log,
}

beforeEach(async () => {
  lines = []
  folder = await mkdtemp(join(tmpdir(), 'gitwake-watch-'))
})
afterEach(async () => {
  watched?.close()
  await rm(folder, { recursive: true, force: true })
})

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!condition()) {
    assert.ok(Date.now() < deadline, `did not happen within 10 s; log: ${lines.join(' | ')}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
const interval = (): number | undefined => watched?.current().repositories.get('shop')?.pollIntervalMs

describe('a running gitwake', () => {
  test('takes a change of its file without a restart, and leaves what it gave out before untouched', async () => {
    const path = join(folder, 'gitwake.yaml')
    await writeFile(path, configuration('1m'))
    const told: number[] = []
    watched = await watchConfiguration({ path, log, onChange: (next) => told.push(next.version) })
    const before = watched.current()
    await writeFile(path, configuration('2m'))
    await until(() => interval() === 120_000)
    assert.equal(before.repositories.get('shop')?.pollIntervalMs, 60_000)
    assert.deepEqual(told, [2])
  })

  test('takes a file that an editor put in its place by renaming', async () => {
    const path = join(folder, 'gitwake.yaml')
    await writeFile(path, configuration('1m'))
    watched = await watchConfiguration({ path, log })
    await writeFile(`${path}.new`, configuration('3m'))
    await rename(`${path}.new`, path)
    await until(() => interval() === 180_000)
  })

  test('refuses an invalid change and tells it, keeps the last good one, and takes the next valid one', async () => {
    const path = join(folder, 'gitwake.yaml')
    await writeFile(path, configuration('1m'))
    watched = await watchConfiguration({ path, log })
    await writeFile(path, configuration('1 minute'))
    await until(() => watched?.lastProblem() !== undefined)
    assert.equal(interval(), 60_000)
    assert.match(watched.lastProblem()?.message ?? '', /spec\.pollInterval/)
    assert.equal(lines.filter((line) => line.startsWith('error')).length, 1)
    await writeFile(path, configuration('4m'))
    await until(() => interval() === 240_000)
    assert.equal(watched.lastProblem(), undefined)
  })

  test('keeps the last good configuration while the file is empty or gone, and recovers when it is back', async () => {
    const path = join(folder, 'gitwake.yaml')
    await writeFile(path, configuration('1m'))
    watched = await watchConfiguration({ path, log })
    await writeFile(path, '')
    await until(() => /holds no document/.test(watched?.lastProblem()?.message ?? ''))
    await rm(path)
    await until(() => watched?.lastProblem()?.code === 'configuration-not-found')
    assert.equal(interval(), 60_000)
    await writeFile(path, configuration('1m'))
    await until(() => watched?.lastProblem() === undefined)
  })

  test('follows a folder whose link is swapped, as Kubernetes mounts a ConfigMap', async () => {
    for (const [generation, text] of [
      ['..one', '1m'],
      ['..two', '5m'],
    ] as const) {
      await mkdir(join(folder, generation))
      await writeFile(join(folder, generation, 'gitwake.yaml'), configuration(text))
    }
    await symlink('..one', join(folder, '..data'))
    await symlink('..data/gitwake.yaml', join(folder, 'gitwake.yaml'))
    watched = await watchConfiguration({ path: folder, log })
    assert.equal(interval(), 60_000)
    await symlink('..two', join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
    await until(() => interval() === 300_000)
  })

  test('sees a new file in a folder', async () => {
    await writeFile(join(folder, 'a.yaml'), configuration('1m'))
    watched = await watchConfiguration({ path: folder, log })
    await writeFile(join(folder, 'b.yaml'), configuration('1m').replace('name: shop', 'name: second'))
    await until(() => watched?.current().repositories.has('second') === true)
  })

  test('does not start with a configuration that is invalid', async () => {
    const path = join(folder, 'gitwake.yaml')
    await writeFile(path, configuration('never'))
    await assert.rejects(watchConfiguration({ path, log }), { code: 'configuration-invalid' })
  })
})
