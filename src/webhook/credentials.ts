import type { Provider } from '../model/push.ts'
import type { Credentials } from './provider.ts'
import type { Route } from './route.ts'

/** The configured secrets; every list is for rotation: any of its values authenticates. */
export interface WebhookSecrets {
  readonly shared: Readonly<Partial<Record<Provider, readonly string[]>>>
  /** The secrets of a repository's own; undefined where it has none or does not exist. */
  forRepository(name: string): Promise<readonly string[] | undefined>
}

export interface CredentialStore {
  credentialsOf(route: Route): Credentials | Promise<Credentials>
  /** How many HMACs every failure costs, whichever receiver it was for. */
  readonly rounds: number
}

/** Where there is no secret at all. */
export const nobody: Credentials = { signatureKeys: [], tokens: [] }
/** Long enough to spare a file for each delivery, short enough that a rotated secret holds at once. */
const rememberMs = 5000

export function createCredentialStore(secrets: WebhookSecrets, now: () => number): CredentialStore {
  const shared = new Map<Route['receiver'], Credentials>()
  const remembered = new Map<string, { readonly until: number; readonly credentials: Credentials }>()

  async function ofRepository({ provider, receiver }: Route, repository: string): Promise<Credentials> {
    const key = `${receiver} ${repository}`
    const known = remembered.get(key)
    if (known !== undefined && known.until > now()) return known.credentials
    const values = await secrets.forRepository(repository)
    if (values === undefined || provider === undefined) return nobody
    const credentials = provider.credentialsOf(values.filter((value) => value !== ''))
    remembered.set(key, { until: now() + rememberMs, credentials })
    return credentials
  }

  return {
    rounds: Math.max(2, ...Object.values(secrets.shared).map((values) => values.length)),
    credentialsOf(route) {
      if (route.repository !== undefined) return ofRepository(route, route.repository)
      if (route.provider === undefined) return nobody
      const known = shared.get(route.receiver) ?? route.provider.credentialsOf(secrets.shared[route.provider.name] ?? [])
      shared.set(route.receiver, known)
      return known
    },
  }
}
