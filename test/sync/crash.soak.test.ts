import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../queue/until.ts'
import { expectConverged, expectOnlyOwnDeletes, expectTracked, killAll, openScene } from './crash-scene.ts'

/** A sync of the second commit takes a fresh worker 28 requests, give or take a few lookups. */
const REQUESTS = 34

for (const when of ['before', 'after'] as const) {
  test(`a worker that is killed ${when} any request of a sync is carried out leaves nothing untracked and deletes nothing foreign`, async () => {
    const plans = Array.from({ length: REQUESTS }, (_, index) => ({ name: `kill-${index + 1}`, k: index + 1, when }))
    const names = plans.map(({ name }) => name)
    const scene = await openScene(names)
    try {
      const kills = await killAll(scene, plans)
      await scene.work(undefined, () => ({}))
      await until(async () => (await Promise.all(names.map((name) => scene.isDone(name)))).every(Boolean), 30_000)
      for (const name of names) {
        const left = await scene.remains(name)
        expectConverged(left)
        expectTracked(left)
        expectOnlyOwnDeletes(left)
      }
      assert.ok(kills.filter(({ at }) => at !== undefined).length >= 20)
    } finally {
      await scene.close()
    }
  })
}
