import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '../queue/until.ts'
import { isWriting } from '../support/api-proxy.ts'
import {
  expectConverged,
  expectOnlyOwnDeletes,
  expectTracked,
  killAll,
  openScene,
  type Kill,
  type Remains,
  type Scene,
  type WorkerProcess,
} from './crash-scene.ts'

/** Every third request of a sync of the second commit, which takes a fresh worker 28 and more. */
const PLANS = Array.from({ length: 10 }, (_, index) => ({
  name: `kill-${index}`,
  k: 1 + 3 * index,
  when: index % 2 === 0 ? ('before' as const) : ('after' as const),
}))

let scene: Scene
let frozen: WorkerProcess
let passedWhenWoken = 0
const kills: Kill[] = []
const remains: Remains[] = []

before(async () => {
  const names = PLANS.map(({ name }) => name)
  const all = [...names, 'frozen']
  scene = await openScene(all)
  frozen = await freezeInMidApply()
  kills.push(...(await killAll(scene, PLANS)))
  await scene.pushFix()
  await scene.ask('frozen')
  await scene.work(undefined, () => ({}))
  await until(async () => (await Promise.all(all.map((name) => scene.isDone(name)))).every(Boolean), 30_000)
  passedWhenWoken = frozen.proxy.passed.length
  frozen.child.kill('SIGCONT')
  // The queue's word for a run that ended after its job was given to another.
  await until(() => frozen.log().includes('Missing lock for job'))
  remains.push(...(await Promise.all(all.map((name) => scene.remains(name)))))
})
after(() => scene?.close())

/** A worker that is stopped while its third write is on its way. */
async function freezeInMidApply(): Promise<WorkerProcess> {
  let writes = 0
  const worker = await scene.work('frozen', (child) => ({
    before(passing) {
      if (isWriting(passing) && passing.url.includes('/configmaps/') && ++writes === 3) child()?.kill('SIGSTOP')
      return 'pass'
    },
  }))
  await scene.ask('frozen')
  await until(() => writes >= 3)
  return worker
}

test('a worker that is killed at any request of a sync leaves what the next one brings to an end within 30 s', () => {
  for (const left of remains) expectConverged(left)
  assert.ok(kills.filter(({ at }) => at !== undefined && isWriting(at)).length >= 4)
})

test('a crash leaves no object that the inventory does not know, and no entry without its object', () => {
  for (const left of remains) expectTracked(left)
})

test('only what was ours and left Git is deleted, each once: what an operator made with our labels stays', () => {
  for (const left of remains) expectOnlyOwnDeletes(left)
})

test('a worker frozen in mid-apply while another finishes a newer commit writes nothing when it wakes', () => {
  const issued = frozen.proxy.passed.slice(passedWhenWoken).filter(isWriting)
  // Its Lease is not an object of anybody: that it tries to renew it, in vain, is how it learns.
  assert.deepEqual(
    issued.filter(({ url }) => !url.includes('/leases/')),
    [],
  )
})
