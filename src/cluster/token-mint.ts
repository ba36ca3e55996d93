import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { stringifyJson } from '../model/json.ts'
import type { Context } from './kubeconfig.ts'

/** What a program or a provider gave. */
export interface Minted {
  readonly headers: Readonly<Record<string, string>>
  readonly tls: Pick<RequestOptions, 'cert' | 'key'>
}

/** What a program (`exec`) or a provider of a kubeconfig gives: each call asks for what is valid now; what has not expired is kept. */
export function openTokenMint({ server, user }: Context): () => Promise<Minted> {
  const config = new KubeConfig()
  config.loadFromString(
    stringifyJson({
      'current-context': 'context',
      contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user' } }],
      clusters: [{ name: 'cluster', cluster: server }],
      users: [{ name: 'user', user }],
    }),
  )
  return async () => {
    const options: RequestOptions = {}
    await config.applyToHTTPSOptions(options)
    const { cert, key, headers } = options
    const authorization = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === 'authorization')?.[1]
    return {
      headers: typeof authorization === 'string' ? { authorization } : {},
      tls: { ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) },
    }
  }
}
