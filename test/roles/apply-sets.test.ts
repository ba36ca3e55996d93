import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applySetId } from '../../src/model/names.ts'
import { createFindApplication } from '../../src/roles/apply-sets.ts'
import { configurationOf } from '../queue/setup.ts'

test('an application is found by its ApplySet id, as the configuration is now', () => {
  let configuration = configurationOf(['api', 'web'])
  const find = createFindApplication(() => configuration, 'gitwake')
  assert.equal(find(applySetId('web', 'gitwake'))?.name, 'web')
  assert.equal(find(applySetId('web', 'elsewhere')), undefined)
  assert.equal(find(''), undefined)
  configuration = configurationOf(['api', 'next'])
  assert.equal(find(applySetId('web', 'gitwake')), undefined)
  assert.equal(find(applySetId('next', 'gitwake')), configuration.applications.get('next'))
})
