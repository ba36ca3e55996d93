import type { IncomingMessage } from 'node:http'
import type { Provider } from '../model/push.ts'
import { azure } from './azure.ts'
import { bitbucket } from './bitbucket.ts'
import { dockerHub } from './dockerhub.ts'
import { plainHmac, standard } from './generic.ts'
import { gitea } from './gitea.ts'
import { github } from './github.ts'
import { gitlab } from './gitlab.ts'
import { harbor } from './harbor.ts'
import type { WebhookProvider } from './provider.ts'

/** What the URL says. A provider that does not exist is a receiver that nobody has a secret for. */
export interface Route {
  readonly provider: WebhookProvider | undefined
  /** The last part of `/hooks/<provider>/<repository>`. */
  readonly repository: string | undefined
  /** For logs and metrics: never a text that a stranger chose. */
  readonly receiver: Provider | 'unknown'
}

const providers: ReadonlyMap<string, WebhookProvider> = new Map([
  ['github', github],
  ['gitlab', gitlab],
  ['gitea', gitea],
  ['forgejo', gitea],
  ['bitbucket', bitbucket],
  ['azure', azure],
  ['dockerhub', dockerHub],
  ['harbor', harbor],
  ['standard', standard],
  ['hmac', plainHmac],
])

const unknown: Route = { provider: undefined, repository: undefined, receiver: 'unknown' }
const routes: ReadonlyMap<string, Route> = new Map(
  [...providers].map(([name, provider]) => [`/hooks/${name}`, { provider, repository: undefined, receiver: provider.name }]),
)

const repositoryForm = /^\/hooks\/([a-z]+)\/([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)\/?$/u

/** The parameter `token` of a request's URL; undefined where it is not there exactly once. */
export function tokenOf(request: IncomingMessage): string | undefined {
  const whole = urlOf(request)
  const query = whole.indexOf('?')
  const [token, ...others] = query < 0 ? [] : new URLSearchParams(whole.slice(query)).getAll('token')
  return others.length === 0 ? token : undefined
}

/** The route of a request; undefined for what is not below `/hooks`. The query says nothing about it. */
export function routeOf(request: IncomingMessage): Route | undefined {
  const path = pathOf(request)
  const known = routes.get(path)
  if (known !== undefined) return known
  if (path !== '/hooks' && !path.startsWith('/hooks/')) return undefined
  const [, name = '', repository] = repositoryForm.exec(path) ?? []
  const provider = providers.get(name)
  if (provider !== undefined && repository !== undefined) return { provider, repository, receiver: provider.name }
  return routes.get(path.replace(/\/$/u, '')) ?? unknown
}

function pathOf(request: IncomingMessage): string {
  const whole = urlOf(request)
  const query = whole.indexOf('?')
  return query < 0 ? whole : whole.slice(0, query)
}

/** Where express mounts a handler below a path, it takes the path off `url` and keeps the whole in `originalUrl`. */
function urlOf(request: IncomingMessage): string {
  return 'originalUrl' in request && typeof request.originalUrl === 'string' ? request.originalUrl : (request.url ?? '')
}
