import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Manifest } from '../../src/model/object.ts'
import { logMask } from '../../src/sync/log-mask.ts'
import { sampleConfiguration } from '../web/samples.ts'

const [application = assert.fail()] = sampleConfiguration().applications.values()
const secret: Manifest = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'db' },
  data: { password: Buffer.from('correct battery').toString('base64') },
}

test('log lines are shown without the values of the Secrets of their application, in any form', () => {
  const mask = logMask(application, [secret]) ?? assert.fail()
  const line = `cannot log in with correct battery (${Buffer.from('correct battery').toString('base64')}, correct%20battery)`
  assert.equal(mask(line), 'cannot log in with *** (***, ***)')
})

test('where log lines are not wanted none are read', () => {
  assert.equal(logMask({ ...application, sync: { ...application.sync, podLogs: false } }, [secret]), undefined)
})
