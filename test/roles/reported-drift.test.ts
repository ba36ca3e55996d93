import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Configuration } from '../../src/model/configuration.ts'
import { clusterKeys } from '../../src/model/keys.ts'
import type { Trigger } from '../../src/model/job.ts'
import { createHeadHistory } from '../../src/queue/heads.ts'
import { piecesOf, publishStatus } from '../../src/queue/status.ts'
import { createLookAround } from '../../src/roles/look-around.ts'
import { configurationOf, setUp, silent, type Setup } from '../queue/setup.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from '../sync/workbench.ts'

const MERGE = { contentType: 'application/merge-patch+json' }

let bench: Workbench
before(async () => {
  bench = await openWorkbench()
})
after(() => bench.close())

/** Sweeps of one application, and every sync that they ask for. */
function sweepsOf({ application }: Subject, { connections, intake }: Setup) {
  const redis = connections.producer
  const configuration: Configuration = {
    ...configurationOf([]),
    applications: new Map([[application.name, { ...application, destination: { ...application.destination, cluster: 'prod' } }]]),
  }
  const asked: Trigger[] = []
  const nothing = (): Promise<never> => Promise.reject(new Error('a sweep reads nothing of Git'))
  const lookAround = createLookAround({
    cluster: 'prod',
    configuration: () => configuration,
    redis,
    intake: {
      ...intake,
      acceptTrigger: (target, trigger) => {
        asked.push(trigger)
        return intake.acceptTrigger(target, trigger)
      },
    },
    heads: createHeadHistory(redis, 'prod'),
    source: { fetch: nothing, heads: nothing, refAt: nothing, open: nothing, commit: nothing, between: nothing },
    renderer: { inputs: nothing },
    destinations: { use: (_cluster, work) => work(bench.destination), keepOnly: () => undefined, close: () => Promise.resolve() },
    installation: 'gitwake',
    inventoryNamespace: bench.inventoryNamespace,
    askForSweep: () => Promise.resolve(),
    log: silent,
  })
  return { asked, sweep: () => lookAround.sweep(AbortSignal.timeout(20_000)) }
}

test('reported drift that no metadata shows any more is cleared by a sync that dry-runs everything, asked for once', async () => {
  const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) }, { selfHeal: false })
  const { name } = app.application
  await app.sync()
  await using setup = await setUp()
  const redis = setup.connections.producer
  const { asked, sweep } = sweepsOf(app, setup)
  const shown = (): Promise<string | null> => redis.hget(clusterKeys('prod').status, `${name}/drift`)

  // As a sync reports it; then somebody puts everything back, and a sync that nobody published remembers it so.
  await bench.api('PATCH', `/api/v1/namespaces/${app.namespace}/configmaps/a`, { data: { x: 'edited' } }, MERGE)
  const reported = await app.sync({ reason: 'drift' })
  assert.equal(reported.outcome, 'drifted')
  await publishStatus(redis, 'prod', name, piecesOf(reported))
  assert.match((await shown()) ?? '', /"name":"a"/)
  await sweep()
  assert.equal(asked.length, 1, 'the drift is there: an ordinary sync')
  assert.equal(asked[0]?.audit, undefined)
  await app.sync({ reason: 'manual' })
  asked.length = 0

  await sweep()
  await sweep()
  assert.equal(asked.length, 1)
  const [{ reason, audit } = { reason: 'none' }] = asked
  assert.equal(reason, 'drift')
  assert.ok(audit)
  const confirmed = await app.sync({ reason: 'drift', audit })
  assert.equal(confirmed.outcome, 'synced', confirmed.message)
  await publishStatus(redis, 'prod', name, piecesOf(confirmed))
  assert.equal(await shown(), '[]')
  await sweep()
  assert.equal(asked.length, 1)
})

test('every object is dry-run for that, whatever its metadata says', async () => {
  const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) }, { selfHeal: false })
  const { name } = app.application
  await app.sync()
  await using setup = await setUp()
  const redis = setup.connections.producer
  const { asked, sweep } = sweepsOf(app, setup)
  const object = { group: '', kind: 'ConfigMap', namespace: app.namespace, name: 'a' }
  await publishStatus(redis, 'prod', name, { drift: [{ object, action: 'configured', reason: 'found by an audit', drift: [] }] })
  await sweep()
  const [{ audit } = {}] = asked
  assert.ok(audit)
  const tried = await dryRunsOf(() => app.sync({ reason: 'drift', audit }))
  assert.deepEqual(tried, [`/api/v1/namespaces/${app.namespace}/configmaps/a`])
})

/** The paths of what was dry-run meanwhile. */
async function dryRunsOf(run: () => Promise<unknown>): Promise<readonly string[]> {
  const since = await bench.audit.position()
  await run()
  const events = await bench.audit.read({ verbs: ['patch'] }, since)
  return events.flatMap(({ requestURI }) => (requestURI.includes('dryRun=') ? [requestURI.split('?')[0] ?? ''] : []))
}
