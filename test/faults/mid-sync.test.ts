import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { until } from '../queue/until.ts'
import { isWriting, type Passing, type ProxyHooks } from '../support/api-proxy.ts'
import { createTempFolder, type TempFolder } from '../support/temp-folder.ts'
import { expectConverged, expectOnlyOwnDeletes, expectTracked, openScene, type Scene } from '../sync/crash-scene.ts'
import { createRandom } from './random.ts'

const NAMES = ['errors', 'lost', 'token', 'edited']

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
async function syncUnder(name: string, hooks: ProxyHooks): Promise<string> {
  const worker = await scene.work(name, () => hooks)
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
  // A run has some thirty requests: with one of ten refused it needs several tries. It is not for ever.
  const isRefused = ({ number }: Passing): boolean => number < 60 && random.upTo(10) === 0
  await syncUnder('errors', {
    before: (passing) => (isRefused(passing) ? ((refused += 1), 500) : 'pass'),
    after: (passing) => (isRefused(passing) ? ((refused += 1), 500) : 'pass'),
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
