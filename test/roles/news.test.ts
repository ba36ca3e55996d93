import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Trigger } from '../../src/model/job.ts'
import { bringsNews } from '../../src/roles/news.ts'

const [HEAD, NEWER] = ['a'.repeat(40), 'b'.repeat(40)]

const cases: readonly (readonly [string, Omit<Trigger, 'at'>, boolean])[] = [
  ['a push of the commit that is being synced', { reason: 'push', revision: HEAD }, false],
  ['a poll that found it', { reason: 'poll', revision: HEAD }, false],
  ['a push of another commit', { reason: 'push', revision: NEWER }, true],
  ['a push that names no commit', { reason: 'push' }, true],
  ['a person', { reason: 'manual', revision: HEAD }, true],
  ['a sweep', { reason: 'drift' }, true],
  ['the configuration that it was begun with', { reason: 'poll', actor: 'configuration' }, false],
]
for (const [what, trigger, isNews] of cases)
  test(`${what} ${isNews ? 'ends' : 'does not end'} the sync that runs`, () =>
    assert.equal(bringsNews({ at: 1, ...trigger }, { revision: HEAD, isConfigured: true }), isNews))

test('a configuration that has changed since ends it, and before its commit is known every commit does', () => {
  assert.equal(bringsNews({ at: 1, reason: 'poll', actor: 'configuration' }, { revision: HEAD, isConfigured: false }), true)
  assert.equal(bringsNews({ at: 1, reason: 'push', revision: HEAD }, { revision: undefined, isConfigured: true }), true)
})
