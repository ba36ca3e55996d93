import { isDryRun, isWrite } from '../test/support/audit-log.ts'
import { connectTo } from '../test/support/connect.ts'
import { configMap } from '../test/sync/workbench.ts'
import { residentMiB } from './memory.ts'
import { medianOf, rawApply, rawNamespace, time } from './raw.ts'
import type { Row } from './row.ts'
import { bareList, openSweeps } from './sweeps.ts'
import { applicationDocument, followAudit, openWhole, repositoryDocument, until, type Whole } from './whole.ts'

const APPLICATIONS = 200
const NAMES = ['c-0', 'c-1', 'c-2', 'c-3']

/** 200 applications × 4 objects on one path: the first apply of all of them, the sweep that finds them unchanged, and the memory that it takes. */
export async function benchApplications(): Promise<Row[]> {
  const whole = await openWhole()
  try {
    const raw = await bareLoop(whole)
    const files = Object.fromEntries(NAMES.map((name) => [`app/${name}.json`, configMap(name, { x: '1' })]))
    const repository = await whole.host.createRepository('many', files)
    const applications = Array.from({ length: APPLICATIONS }, (_, index) =>
      applicationDocument(`app-${index}`, { repository: 'many', path: 'app', namespace: `ns-${index}` }),
    )
    const events = followAudit(whole.audit)
    const gitwake = await whole.start(repositoryDocument('many', repository.url) + applications.join(''))
    const [first, last, requests] = await until('the first apply of all applications', async () => {
      const all = await events()
      const applied = all.filter((event) => isWrite(event) && !isDryRun(event) && event.objectRef?.resource === 'configmaps')
      if (applied.length < APPLICATIONS * NAMES.length) return undefined
      const last = Date.parse(applied.at(-1)?.stageTimestamp ?? '')
      return [Date.parse(all[0]?.requestReceivedTimestamp ?? ''), last, all.length] as const
    })
    return [
      {
        name: 'applications',
        what: `a bare loop over the same ${APPLICATIONS} namespaces and ${APPLICATIONS * NAMES.length} objects`,
        value: raw,
        unit: 'ms',
      },
      {
        name: 'applications',
        what: `${APPLICATIONS} applications × ${NAMES.length} objects, first apply`,
        value: last - first,
        unit: 'ms',
        ratio: (last - first) / raw,
      },
      {
        name: 'applications',
        what: 'the same, requests to the API server',
        value: requests,
        unit: 'requests',
        ratio: requests / (APPLICATIONS * (NAMES.length + 1)),
      },
      ...(await unchanged(whole)),
      { name: 'applications', what: 'resident memory of gitwake start with them', value: await residentMiB(gitwake.pid), unit: 'MiB' },
    ]
  } finally {
    await whole.close()
  }
}

async function bareLoop({ plane }: Whole): Promise<number> {
  const connection = await connectTo(plane.kubeconfig)
  const one = async (namespace: string): Promise<void> => {
    await rawNamespace(connection, namespace)
    await Promise.all(
      NAMES.map((name) => rawApply(connection, `/api/v1/namespaces/${namespace}/configmaps/${name}`, configMap(name, { x: '1' }))),
    )
  }
  const ms = await time(() => Promise.all(Array.from({ length: APPLICATIONS }, (_, index) => one(`raw-${index}`))))
  await connection.close()
  return ms
}

async function unchanged({ plane, redisUrl, audit }: Whole): Promise<Row[]> {
  const connection = await connectTo(plane.kubeconfig)
  const sweeps = await openSweeps(redisUrl)
  try {
    await until('every application is recorded as applied', async () => ((await sweeps.applied()) === APPLICATIONS ? true : undefined))
    await sweeps.sweep()
    const bare = await medianOf(5, () => time(() => bareList(connection, '/api/v1/configmaps')))
    const position = await audit.position()
    await sweeps.sweep()
    const requests = await audit.read({ userAgent: 'gitwake/' }, position)
    const swept = await medianOf(5, sweeps.sweep)
    const kinds = new Set(requests.map(({ objectRef }) => objectRef?.resource)).size
    return [
      { name: 'applications', what: 'a bare LIST of their objects', value: bare, unit: 'ms' },
      { name: 'applications', what: 'unchanged, by a sweep', value: swept, unit: 'ms', ratio: swept / bare },
      {
        name: 'applications',
        what: `the same, requests (${kinds} kinds, one of them the inventories)`,
        value: requests.length,
        unit: 'requests',
      },
    ]
  } finally {
    await sweeps.close()
    await connection.close()
  }
}
