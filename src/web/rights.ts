import type { Right } from '../model/access.ts'

/**
 * What a route needs. `application`: the right to the application in its path; `everything`: the right to every application, because it tells of
 * all of them; `something`: the right to any, of which it then shows those that may be read.
 */
export interface Need {
  readonly right: Right
  readonly about: 'application' | 'everything' | 'something'
  /** A parameter of the query that asks for more. */
  readonly unless?: { readonly parameter: string; readonly right: Right }
}

export interface RouteRight extends Need {
  readonly method: 'GET' | 'POST' | '*'
  /** As express writes it; `/*` at its end is everything below. */
  readonly path: string
}

const look = { right: 'read', about: 'something' } as const
const lookAt = { right: 'read', about: 'application' } as const

/** Every route behind the door, and the right that it needs. What does not stand here cannot be reached. */
export const ROUTE_RIGHTS: readonly RouteRight[] = [
  { method: 'GET', path: '/api/applications', ...look },
  { method: 'GET', path: '/api/applications/:name', ...lookAt },
  { method: 'GET', path: '/api/applications/:name/history', ...lookAt },
  { method: 'GET', path: '/api/applications/:name/plan', ...lookAt },
  { method: 'GET', path: '/api/applications/:name/tickets/:wanted', ...lookAt },
  {
    method: 'POST',
    path: '/api/applications/:name/sync',
    right: 'sync',
    about: 'application',
    unless: { parameter: 'confirm', right: 'operate' },
  },
  { method: 'POST', path: '/api/applications/:name/suspend', right: 'operate', about: 'application' },
  { method: 'POST', path: '/api/applications/:name/resume', right: 'operate', about: 'application' },
  { method: 'POST', path: '/api/applications/:name/rollback', right: 'operate', about: 'application' },
  { method: 'POST', path: '/api/applications/:name/unpin', right: 'operate', about: 'application' },
  // Of what the configuration has no more, the route itself knows the cluster, and looks who may.
  { method: 'POST', path: '/api/applications/:name/detach', right: 'operate', about: 'something' },
  { method: 'POST', path: '/api/applications/:name/delete', right: 'operate', about: 'something' },
  { method: 'GET', path: '/api/orphans', ...look },
  { method: 'GET', path: '/api/orphans/:cluster/:name/tickets/:wanted', ...look },
  { method: 'GET', path: '/api/me', ...look },
  { method: 'GET', path: '/api/commits/:sha', ...look },
  { method: 'GET', path: '/api/deliveries/:id', ...look },
  { method: 'GET', path: '/api/events', ...look },
  { method: 'GET', path: '/api/openapi.json', ...look },
  { method: 'GET', path: '/', ...look },
  { method: 'GET', path: '/applications/:name', ...lookAt },
  { method: 'GET', path: '/applications/:name/plan', ...lookAt },
  { method: 'GET', path: '/api/audit', right: 'read', about: 'everything' },
  { method: 'GET', path: '/metrics', right: 'read', about: 'everything' },
  { method: 'GET', path: '/queues', right: 'read', about: 'everything' },
  { method: 'GET', path: '/queues/*', right: 'read', about: 'everything' },
  { method: '*', path: '/queues/*', right: 'operate', about: 'everything' },
]

interface Compiled {
  readonly route: RouteRight
  readonly pattern: RegExp
}

const compiled: readonly Compiled[] = ROUTE_RIGHTS.map((route) => ({ route, pattern: patternOf(route.path) }))

/** What this request needs, and which application its path names; undefined where there is no such route, `malformed` where nobody can tell. */
export function needOf(
  method: string,
  path: string,
  query: Readonly<Record<string, unknown>>,
): (Need & { readonly application: string }) | 'malformed' | undefined {
  const wanted = method === 'HEAD' ? 'GET' : method
  for (const { route, pattern } of compiled) {
    const found = route.method === wanted || route.method === '*' ? pattern.exec(path) : null
    if (found === null) continue
    const { about, unless } = route
    const right = unless !== undefined && query[unless.parameter] !== undefined ? unless.right : route.right
    const application = decoded(found.groups?.['name'] ?? '')
    return application === undefined ? 'malformed' : { right, about, application }
  }
  return undefined
}

function patternOf(path: string): RegExp {
  const [, stem = path, below] = /^(.*)(\/\*)$/.exec(path) ?? []
  const source = stem.replaceAll(/[.]/g, '\\.').replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')
  return new RegExp(`^${source}${below === undefined ? '/?' : '/.*'}$`)
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
