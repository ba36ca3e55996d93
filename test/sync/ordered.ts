import type { SyncResult } from '../../src/model/result.ts'
import { isDryRun, isWrite } from '../support/audit-log.ts'
import type { Subject, Workbench } from './workbench.ts'

/** A ConfigMap with annotations. */
export function annotated(name: string, annotations: Record<string, string>, data: Record<string, string> = {}): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations }, data })
}

export function deployment(name: string, image: string, annotations: Record<string, string> = {}): string {
  const labels = { app: name }
  const template = { metadata: { labels }, spec: { containers: [{ name, image }] } }
  const spec = { replicas: 1, selector: { matchLabels: labels }, template }
  return JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, annotations }, spec })
}

export function told(result: SyncResult): string {
  return `${result.outcome}: ${result.message} ${JSON.stringify(result.problem ?? '')} ${JSON.stringify(result.changes)}`
}

export function hook(name: string, annotations: Record<string, string>, image = 'tool'): string {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image }] } }
  return JSON.stringify({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name, annotations }, spec: { backoffLimit: 0, template } })
}

export const wave = (number: number): Record<string, string> => ({ 'gitwake.dev/wave': String(number) })

/** Writes of objects of this application, in the order in which the API server had them: `PATCH configmaps/a`. */
export async function writesOf(bench: Pick<Workbench, 'audit'>, app: Subject, position: number): Promise<string[]> {
  const events = await bench.audit.read({}, position)
  return events
    .filter((event) => isWrite(event) && !isDryRun(event))
    .flatMap(({ verb, requestURI }) => {
      const [, path] = /\/namespaces\/([^?]*)/.exec(requestURI) ?? []
      return path?.startsWith(`${app.namespace}/`) === true ? [`${verb} ${path.slice(app.namespace.length + 1)}`] : []
    })
}

/** The Jobs that are there, by name. */
export async function jobsOf(bench: Pick<Workbench, 'api'>, app: Subject): Promise<string[]> {
  const { items } = await bench.api('GET', `/apis/batch/v1/namespaces/${app.namespace}/jobs`)
  return (items as { metadata: { name: string; deletionTimestamp?: string } }[])
    .flatMap(({ metadata }) => (metadata.deletionTimestamp === undefined ? [metadata.name] : []))
    .sort()
}

/** A CustomResourceDefinition of a group of its own, and an object of its kind. */
export function widgets(group: string): {
  readonly definition: string
  widget(name: string, annotations?: Record<string, string>): string
} {
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  }
  return {
    definition: JSON.stringify(definition),
    widget: (name, annotations = {}) => JSON.stringify({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name, annotations } }),
  }
}
