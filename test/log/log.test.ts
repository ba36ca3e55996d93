import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, test } from 'node:test'
import { createLog, type LogOptions } from '../../src/log.ts'
import { createMask } from '../../src/model/mask.ts'

async function logged(format: LogOptions['format'], write: (log: Awaited<ReturnType<typeof createLog>>) => void): Promise<string> {
  let text = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  write(await createLog({ level: 'info', format, mask: createMask(['hunter2hunter2']), destination }))
  return text
}

describe('the log', () => {
  test('is one JSON object per line, with the fields of its children', async () => {
    const text = await logged('json', (log) => log.child({ application: 'shop' }).info({ ticket: 7, revision: 'abc' }, 'synced 100%s'))
    const { time, ...line } = JSON.parse(text)
    assert.match(time, /^\d{4}-\d\d-\d\dT/)
    assert.deepEqual(line, { level: 'info', application: 'shop', ticket: 7, revision: 'abc', msg: 'synced 100%s' })
  })

  for (const format of ['json', 'pretty'] as const) {
    test(`never shows a secret (${format})`, async () => {
      const text = await logged(format, (log) => {
        const child = log.child({ url: 'https://a:hunter2hunter2@host' })
        const cause = new Error('inner hunter2hunter2')
        child.error(
          { err: new Error('outer hunter2hunter2', { cause }), nested: [{ deep: 'x hunter2hunter2' }], password: 'unknown-value' },
          'failed with hunter2hunter2',
        )
        child.warn(new Error('bare hunter2hunter2'), 'an error in place of fields')
      })
      assert.match(text, /outer/)
      assert.match(text, /inner/)
      assert.match(text, /bare/)
      assert.doesNotMatch(text, /hunter2|unknown-value/)
    })
  }

  test('survives values that JSON does not know', async () => {
    const circle: Record<string, unknown> = { big: 10n, when: new Date(0), set: new Set([1]), bytes: Buffer.from('secret') }
    circle['self'] = circle
    const text = await logged('json', (log) => log.info(circle, 'odd'))
    assert.match(text, /"big":"10"/)
    assert.doesNotMatch(text, /secret/)
  })

  test('is quiet below its level', async () => {
    assert.equal(await logged('json', (log) => log.debug({}, 'nothing')), '')
  })
})
