import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createSecretResolver } from '../../src/config/secrets.ts'

describe('a secret reference', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gitwake-secrets-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))
  const resolve = createSecretResolver({ environment: (name) => ({ TOKEN: 'from-environment\n', EMPTY: '' })[name] })

  test('is read from the environment or a file, without its trailing newline', async () => {
    const file = join(folder, 'token')
    await writeFile(file, 'first line\nsecond line\n')
    assert.equal(await resolve({ env: 'TOKEN' }), 'from-environment')
    assert.equal(await resolve({ file }), 'first line\nsecond line')
  })

  test('is read anew each time, so that a rotation needs no restart', async () => {
    const file = join(folder, 'rotated')
    await writeFile(file, 'old')
    assert.equal(await resolve({ file }), 'old')
    await writeFile(file, 'new')
    assert.equal(await resolve({ file }), 'new')
  })

  test('tells every value to whoever masks', async () => {
    const told: string[] = []
    await createSecretResolver({ onValue: (value) => told.push(value), environment: () => 'value' })({ env: 'X' })
    assert.deepEqual(told, ['value'])
  })

  test('that is missing or empty names the variable or file and stays retryable', async () => {
    const file = join(folder, 'empty')
    await writeFile(file, '\n')
    await assert.rejects(resolve({ env: 'EMPTY' }), { code: 'secret-missing', retryable: true, message: /EMPTY/ })
    await assert.rejects(resolve({ file: join(folder, 'nowhere') }), { code: 'secret-missing', message: /nowhere.*ENOENT/ })
    await assert.rejects(resolve({ file }), { code: 'secret-missing', message: /empty/ })
    await assert.rejects(resolve({ file: folder }), { code: 'secret-missing' })
  })

  test('larger than any secret is refused', async () => {
    const file = join(folder, 'huge')
    await writeFile(file, Buffer.alloc(1024 * 1024 + 1, 'x'))
    await assert.rejects(resolve({ file }), { code: 'secret-too-large' })
  })
})
