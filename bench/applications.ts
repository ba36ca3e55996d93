import { isDryRun, isWrite } from '../test/support/audit-log.ts'
import { configMap } from '../test/sync/workbench.ts'
import type { Row } from './row.ts'
import { openWhole, until } from './whole.ts'

const APPLICATIONS = 200
const OBJECTS = 4

/** 200 applications × 4 objects on one path: the first apply of all of them, from the first write to the last. */
export async function benchApplications(): Promise<Row[]> {
  const whole = await openWhole()
  try {
    const names = Array.from({ length: OBJECTS }, (_, index) => `c-${index}`)
    const repository = await whole.host.createRepository(
      'many',
      Object.fromEntries(names.map((name) => [`app/${name}.json`, configMap(name, { x: '1' })])),
    )
    const applications = Array.from(
      { length: APPLICATIONS },
      (_, index) => `---
apiVersion: gitwake.dev/v1
kind: Application
metadata: {name: app-${index}}
spec: {source: {repository: many, ref: main, path: app}, destination: {cluster: bench, namespace: ns-${index}}}
`,
    )
    const repositoryDocument = `apiVersion: gitwake.dev/v1\nkind: Repository\nmetadata: {name: many}\nspec: {url: "${repository.url}", allowInsecure: true, pollInterval: 1h}\n`
    await whole.start(repositoryDocument + applications.join(''))
    const [first, last, requests] = await until('the first apply of all applications', async () => {
      const events = await whole.audit.read({ userAgent: 'gitwake/' })
      const writes = events.filter((event) => isWrite(event) && !isDryRun(event))
      const applied = writes.filter(({ objectRef }) => objectRef?.resource === 'configmaps')
      if (applied.length < APPLICATIONS * OBJECTS) return undefined
      return [
        Date.parse(events[0]?.requestReceivedTimestamp ?? ''),
        Date.parse(applied.at(-1)?.stageTimestamp ?? ''),
        events.length,
      ] as const
    })
    return [
      { name: 'applications', what: `${APPLICATIONS} applications × ${OBJECTS} objects, first apply`, value: last - first, unit: 'ms' },
      { name: 'applications', what: 'the same, requests to the API server', value: requests, unit: 'requests' },
    ]
  } finally {
    await whole.close()
  }
}
