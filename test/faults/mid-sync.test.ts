import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { until } from '../queue/until.ts'
import { isWriting, type Passing, type ProxyHooks } from '../support/api-proxy.ts'
import { startRedisProxy } from '../support/redis-proxy.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { createTempFolder, type TempFolder } from '../support/temp-folder.ts'
import { expectConverged, expectOnlyOwnDeletes, expectTracked, openScene, type Scene } from '../sync/crash-scene.ts'
import { createRandom } from './random.ts'

const NAMES = ['errors', 'lost', 'token', 'down', 'edited', 'slow', 'fast', 'lagging']

let scene: Scene
let folder: TempFolder
before(async () => {
  scene = await openScene(NAMES)
  folder = await createTempFolder('gitwake-mid-sync-')
})
after(async () => {
  await scene?.close()
  await folder?.remove()
})

/** Syncs the second commit by a worker whose API server behaves so, and looks at what is left. */
async function syncUnder(name: string, hooks: ProxyHooks, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const worker = await scene.work(name, () => hooks, environment)
  await scene.ask(name)
  await until(() => scene.isDone(name)).catch((error: unknown) => assert.fail(`${String(error)}\n${worker.log()}`))
  worker.child.kill('SIGTERM')
  await worker.gone
  const left = await scene.remains(name)
  expectConverged(left)
  expectTracked(left)
  expectOnlyOwnDeletes(left)
  return worker.log()
}

/** The Lease is not an object of anybody: losing it is another fault. */
const isLease = ({ url }: Passing): boolean => url.includes('/leases')

test('an API server that answers 500 at random delays a sync and spoils nothing', async (context) => {
  const seed = randomInt(1_000_000_000)
  context.diagnostic(`seed ${seed}`)
  const random = createRandom(seed)
  let refused = 0
  const MOST = 4
  // Each may cost a try of its own, and their pauses double.
  const isRefused = (): boolean => refused < MOST && random.upTo(8) === 0
  await syncUnder('errors', {
    before: () => (isRefused() ? ((refused += 1), 500) : 'pass'),
    after: () => (isRefused() ? ((refused += 1), 500) : 'pass'),
  })
  assert.ok(refused > 0)
})

test('an answer that is lost after the write was carried out leads to no second object, no wrong delete and no lost entry', async () => {
  const lost = new Set<string>()
  await syncUnder('lost', {
    after(passing) {
      const [path = ''] = passing.url.split('?')
      if (!isWriting(passing) || isLease(passing) || lost.has(`${passing.method} ${path}`)) return 'pass'
      lost.add(`${passing.method} ${path}`)
      return 'drop'
    },
  })
  assert.ok(lost.size > 10)
})

test('a token that expires in mid-apply is read anew, and the sync goes on', async () => {
  const tokenFile = join(folder.path, 'token')
  await writeFile(tokenFile, 'first')
  let valid = 'first'
  let rejected = 0
  let writes = 0
  const log = await syncUnder('token', {
    user: { tokenFile },
    before(passing) {
      if (isWriting(passing) && !isLease(passing) && ++writes === 4) valid = 'second'
      if (passing.authorization === `Bearer ${valid}`) return 'pass'
      rejected += 1
      // As the kubelet does, which renews it in time; here it comes with the first refusal.
      void writeFile(tokenFile, 'second')
      return 401
    },
  })
  assert.ok(rejected > 0)
  assert.doesNotMatch(log, /Bearer (?:first|second)/)
})

test('an API server that goes down in mid-apply and comes back finds the sync waiting', async () => {
  let writes = 0
  let refused = 0
  const MOST = 10
  const isDown = (): boolean => writes >= 3 && refused < MOST
  await syncUnder('down', {
    before(passing) {
      if (isWriting(passing) && !isLease(passing)) writes += 1
      if (!isDown()) return 'pass'
      refused += 1
      return 'drop'
    },
  })
  assert.equal(refused, MOST)
})

test('an object that somebody edits while it is about to be written ends as Git has it', async () => {
  let edited: Promise<void> | undefined
  const log = await syncUnder('edited', {
    hold(passing) {
      const isTheirs = passing.method === 'PATCH' && isWriting(passing) && passing.url.includes('/configmaps/c5?')
      return isTheirs && edited === undefined ? (edited = scene.edit('edited', 'c5')) : undefined
    },
  })
  assert.ok(edited !== undefined, log)
})

for (const [name, minutes] of [
  ['slow', -10],
  ['fast', 10],
] as const) {
  test(`a worker whose clock is 10 min ${name} holds its Lease against one whose clock is as wrong the other way, and writes alone`, async () => {
    const released = Promise.withResolvers<void>()
    let isHeld = false
    // Redis hears nothing more of the first once its writes wait: so the second gets the application.
    const redis = await startRedisProxy(scene.redis.url, { before: () => (isHeld ? 'swallow' : 'pass') })
    const isWrite = (passing: Passing): boolean => isWriting(passing) && passing.url.includes('/configmaps/')
    const first = await scene.work(
      name,
      () => ({
        hold(passing) {
          if (!isWrite(passing)) return undefined
          isHeld = true
          return released.promise
        },
      }),
      { REDIS_URL: redis.url, ...shiftedClock(minutes * 60_000) },
    )
    await scene.ask(name)
    await until(() => isHeld)
    const second = await scene.work(name, () => ({}), shiftedClock(-minutes * 60_000))
    await until(() => second.log().includes('is being written by'))
    assert.deepEqual(second.proxy.passed.filter(isWrite), [])
    released.resolve()
    await until(() => scene.isDone(name))
    for (const { child, gone } of [first, second]) {
      child.kill('SIGKILL')
      await gone
    }
    await redis.close()
    const left = await scene.remains(name)
    expectConverged(left)
    expectTracked(left)
  })
}

test('a Git host that lags behind what it has already told brings no older state back', async () => {
  await syncUnder('lagging', {})
  const head = await scene.repository.head()
  await scene.repository.setRef('refs/heads/main', `${head}~1`)
  const worker = await scene.work('lagging', () => ({}))
  await scene.ask('lagging')
  await until(() => worker.log().includes('which the branch has left already'))
  expectConverged(await scene.remains('lagging'))
  await scene.repository.setRef('refs/heads/main', head)
  await scene.ask('lagging')
  await until(() => scene.isDone('lagging'))
  expectConverged(await scene.remains('lagging'))
})
