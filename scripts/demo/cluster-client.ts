import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { z } from 'zod'

const objectSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    resourceVersion: z.string(),
    managedFields: z.array(z.looseObject({ subresource: z.string().optional() })).optional(),
  }),
  spec: z.looseObject({ replicas: z.number().optional() }).optional(),
  data: z.record(z.string(), z.string()).optional(),
})

/** A live object, as far as the story looks at it. */
export type Live = z.output<typeof objectSchema>

/** The cluster as an admin sees it, past gitwake. */
export interface ClusterClient {
  /** The object at a path of the API, or undefined where there is none. */
  get(path: string): Promise<Live | undefined>
  /** What `kubectl edit` sends. */
  edit(path: string, patch: object): Promise<Live>
  close(): void
}

/** Talks to the API server with the admin's token. */
export async function openClusterClient(plane: {
  readonly server: string
  readonly token: string
  readonly caFile: string
}): Promise<ClusterClient> {
  const agent = new Agent({ ca: await readFile(plane.caFile), keepAlive: true })
  const call = async (method: string, path: string, body?: string): Promise<{ readonly status: number; readonly text: string }> => {
    const { promise, resolve, reject } = Promise.withResolvers<{ readonly status: number; readonly text: string }>()
    const headers = {
      authorization: `Bearer ${plane.token}`,
      ...(body !== undefined && { 'content-type': 'application/strategic-merge-patch+json' }),
    }
    const outgoing = request(new URL(path, plane.server), { agent, method, headers, timeout: 10_000 }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }))
      response.on('error', reject)
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`the API server did not answer ${method} ${path} within 10 s`)))
    outgoing.on('error', reject)
    outgoing.end(body)
    return promise
  }
  const decode = (what: string, { status, text }: { readonly status: number; readonly text: string }): Live => {
    if (status !== 200) throw new Error(`the API server answered ${status} to ${what}: ${text.slice(0, 500)}`)
    return objectSchema.parse(JSON.parse(text))
  }
  return {
    async get(path) {
      const answer = await call('GET', path)
      return answer.status === 404 ? undefined : decode(`GET ${path}`, answer)
    },
    async edit(path, patch) {
      return decode(`PATCH ${path}`, await call('PATCH', `${path}?fieldManager=kubectl-edit`, JSON.stringify(patch)))
    },
    close: () => agent.destroy(),
  }
}
