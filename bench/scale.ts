import { writeFile } from 'node:fs/promises'
import { connectTo } from '../test/support/connect.ts'
import { configMap } from '../test/sync/workbench.ts'
import { watchResident } from './memory.ts'
import { lineChart } from './line-chart.ts'
import { medianOf, rawNamespace, time } from './raw.ts'
import type { Row } from './row.ts'
import { bareList, openSweeps } from './sweeps.ts'
import { applicationDocument, openWhole, repositoryDocument, until } from './whole.ts'

const OBJECTS = 10
const NAMESPACES = 20
const STEPS = [100, 500, 1_000, 2_000]
const RUNS = 5

interface Point {
  readonly objects: number
  readonly bareMs: number
  readonly sweepMs: number
}

/**
 * Up to 2,000 applications × 10 objects, applied by gitwake itself: what a sweep of all of them costs beside the bare LIST of the same objects,
 * and how that grows. With a `picture` the points are drawn into that file.
 */
export async function benchScale({ picture }: { readonly picture: string | undefined }): Promise<Row[]> {
  const whole = await openWhole()
  const connection = await connectTo(whole.plane.kubeconfig)
  const sweeps = await openSweeps(whole.redisUrl)
  try {
    const most = Math.max(...STEPS)
    const repository = await whole.host.createRepository(
      'scale',
      Object.fromEntries(Array.from({ length: most }, (_, index) => fileOf(index))),
    )
    for (let index = 0; index < NAMESPACES; index += 1) await rawNamespace(connection, `scale-${index}`)
    const configuration = (applications: number): string =>
      repositoryDocument('scale', repository.url) + Array.from({ length: applications }, (_, index) => documentOf(index)).join('')
    const gitwake = await whole.start(configuration(0))
    const points: Point[] = []
    for (const applications of STEPS) {
      await whole.configure(configuration(applications))
      await until(`${applications} applications are applied`, async () => ((await sweeps.applied()) === applications ? true : undefined))
      await sweeps.sweep() // settles what a first look at new objects asks for
      const objects = await bareList(connection, '/api/v1/configmaps')
      const bareMs = await medianOf(RUNS, () => time(() => bareList(connection, '/api/v1/configmaps')))
      points.push({ objects, bareMs, sweepMs: await medianOf(RUNS, sweeps.sweep) })
    }
    const memory = watchResident(gitwake.pid)
    for (let run = 0; run < RUNS; run += 1) await sweeps.sweep()
    if (picture !== undefined) await writeFile(picture, draw(points))
    return [
      ...points.flatMap(rowsOf),
      {
        name: 'scale',
        what: `resident memory of gitwake start while it sweeps ${most} applications`,
        value: await memory.stop(),
        unit: 'MiB',
      },
    ]
  } finally {
    await sweeps.close()
    await connection.close()
    await whole.close()
  }
}

function fileOf(application: number): readonly [string, string] {
  const documents = Array.from({ length: OBJECTS }, (_, index) => configMap(`app-${application}-${index}`, { index: String(index) }))
  return [`app-${application}/all.yaml`, documents.join('\n---\n')]
}

function documentOf(application: number): string {
  const name = `app-${application}`
  // The first apply is not what is measured here.
  return applicationDocument(name, {
    repository: 'scale',
    path: name,
    namespace: `scale-${application % NAMESPACES}`,
    sync: { preflight: false },
  })
}

function rowsOf({ objects, bareMs, sweepMs }: Point): Row[] {
  return [
    { name: 'scale', what: `a bare LIST of ${objects} objects`, value: bareMs, unit: 'ms' },
    {
      name: 'scale',
      what: `a sweep of ${objects / OBJECTS} applications × ${OBJECTS} objects`,
      value: sweepMs,
      unit: 'ms',
      ratio: sweepMs / bareMs,
    },
  ]
}

function draw(points: readonly Point[]): string {
  return lineChart({
    title: 'What a sweep costs, by the number of objects',
    x: 'objects',
    y: 'ms',
    lines: [
      { name: 'sweep', points: points.map(({ objects, sweepMs }) => [objects, sweepMs]) },
      { name: 'bare LIST', points: points.map(({ objects, bareMs }) => [objects, bareMs]) },
    ],
  })
}
