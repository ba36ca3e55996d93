import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startControlPlane } from '../support/control-plane.ts'
import { openWorkbench, type Workbench } from '../sync/workbench.ts'

const signal = AbortSignal.timeout(60_000)
const nothing = { found: new Map(), compared: new Map() }

describe('what a cluster serves', () => {
  let bench: Workbench
  before(async () => (bench = await openWorkbench(await startControlPlane({ log: () => undefined }))))
  after(() => bench.close())

  it('is unknown, not gone, while the API server behind a group is away', async () => {
    await bench.api('POST', '/apis/apiregistration.k8s.io/v1/apiservices', {
      metadata: { name: 'v1.away.example.org' },
      spec: {
        group: 'away.example.org',
        version: 'v1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        insecureSkipTLSVerify: true,
        service: { namespace: 'default', name: 'nowhere' },
      },
    })
    const object = { group: 'away.example.org', kind: 'Thing', namespace: 'default', name: 'a' }
    for (let isStale = false; !isStale; await sleep(100))
      isStale = (await bench.destination.catalog({ refresh: true }, signal)).isStale(object.group)
    await assert.rejects(bench.destination.answer({ look: [{ object, version: 'v1' }], compare: [] }, nothing, signal), {
      code: 'api-away',
      retryable: true,
    })
    const gone = { ...object, group: 'gone.example.org' }
    const { found } = await bench.destination.answer({ look: [{ object: gone, version: 'v1' }], compare: [] }, nothing, signal)
    assert.deepEqual([...found.values()], ['absent'])
  })

  it('is asked once for all, and the end of whoever asked first is not the end of the others', async () => {
    const first = new AbortController()
    const one = bench.destination.catalog({ refresh: true }, first.signal)
    const other = bench.destination.catalog({ refresh: false }, signal)
    first.abort(new Error('ended'))
    await assert.rejects(one, /ended/)
    assert.ok((await other).preferred({ group: 'apps', kind: 'Deployment' }))
  })
})
