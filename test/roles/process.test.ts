import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

test('an error that nobody expected ends the process, told in the log without the secrets in it', () => {
  const url = (path: string): string => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href)
  const script = `
    import { createLog } from ${url('log.js')}
    import { createMask } from ${url('model/mask.js')}
    import { endOnUncaught } from ${url('roles/process.js')}
    endOnUncaught(await createLog({ level: 'info', format: 'json', mask: createMask() }))
    setInterval(() => {}, 1_000)
    void Promise.reject(new Error('cannot read https://ada:hunter22@git.example.org/shop.git'))
  `
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  assert.equal(status, 1, stderr)
  assert.match(stdout, /cannot read https:.*git\.example\.org/)
  assert.doesNotMatch(stdout + stderr, /hunter22/)
})
