import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { writeFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import type { Ready } from './control-plane-protocol.ts'
import { createTempFolder } from './temp-folder.ts'

/** One request as it reached the proxy. */
export interface Passing {
  /** The first one is 1. */
  readonly number: number
  readonly method: string
  readonly url: string
  /** As the sender has it; the API server is asked with the proxy's own. */
  readonly authorization: string | undefined
}

/** 'swallow' leaves the sender without an answer, 'drop' closes its connection; a number is the status of an answer of the proxy's own. */
export type Verdict = 'pass' | 'swallow' | 'drop' | number

/** What happens around the requests. */
export interface ProxyHooks {
  readonly before?: (passing: Passing) => Verdict
  /** It reaches the API server when this resolves. */
  readonly hold?: (passing: Passing) => Promise<void> | undefined
  /** The API server has carried it out, and its answer is here. */
  readonly after?: (passing: Passing) => Verdict
  /** What the kubeconfig says of the user; nothing else than by it does the proxy learn who asks. */
  readonly user?: object
}

/** A way to the API server of one process alone, so that its requests can be counted, and the process ended at each of them. */
export interface ApiProxy {
  /** Without credentials: they are the proxy's. */
  readonly kubeconfig: string
  /** Every request so far. */
  readonly passed: readonly Passing[]
  close(): Promise<void>
}

/** Does the request change an object, if it is carried out? */
export function isWriting({ method, url }: Passing): boolean {
  return method !== 'GET' && !url.includes('dryRun=')
}

export async function startApiProxy(plane: Ready, hooks: ProxyHooks = {}): Promise<ApiProxy> {
  const agent = new Agent({ ca: readFileSync(plane.caFile), keepAlive: true })
  const passed: Passing[] = []

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const passing = {
      number: passed.length + 1,
      method: incoming.method ?? 'GET',
      url: incoming.url ?? '/',
      authorization: incoming.headers.authorization,
    }
    passed.push(passing)
    const body = await buffer(incoming)
    if (interferes(hooks.before?.(passing), outgoing)) return
    await hooks.hold?.(passing)
    const target = new URL(passing.url, plane.server)
    const headers = { ...incoming.headers, host: target.host, authorization: `Bearer ${plane.token}` }
    const sent = request(target, { agent, method: passing.method, headers })
    sent.end(body)
    const [answered] = (await once(sent, 'response')) as [IncomingMessage]
    if (new URL(passing.url, plane.server).searchParams.has('watch')) {
      outgoing.writeHead(answered.statusCode ?? 502, answered.headers)
      outgoing.on('close', () => answered.destroy())
      return void answered.pipe(outgoing)
    }
    const bytes = await buffer(answered)
    if (interferes(hooks.after?.(passing), outgoing)) return
    outgoing.writeHead(answered.statusCode ?? 502, answered.headers).end(bytes)
  }

  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.destroy()) // whoever asked is gone
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.')
  const folder = await createTempFolder('gitwake-proxy-')
  const kubeconfig = join(folder.path, 'kubeconfig')
  await writeFile(kubeconfig, kubeconfigFor(`http://127.0.0.1:${address.port}`, hooks.user))
  return {
    kubeconfig,
    passed,
    async close() {
      server.close()
      server.closeAllConnections()
      agent.destroy()
      await folder.remove()
    },
  }
}

/** Whether the answer of the API server, if there is one, is not passed on. */
function interferes(verdict: Verdict | undefined, outgoing: ServerResponse): boolean {
  if (verdict === undefined || verdict === 'pass') return false
  if (verdict === 'drop') outgoing.destroy()
  if (typeof verdict === 'number') {
    const status = { apiVersion: 'v1', kind: 'Status', status: 'Failure', code: verdict, message: `${verdict} by the proxy` }
    outgoing.writeHead(verdict, { 'content-type': 'application/json' }).end(JSON.stringify(status))
  }
  return true
}

function kubeconfigFor(server: string, user: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'proxy',
    clusters: [{ name: 'proxy', cluster: { server } }],
    users: [{ name: 'proxy', user }],
    contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'proxy' } }],
  })
}
