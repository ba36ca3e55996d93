import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { randomFreePort } from './free-port.ts'
import type { Changes } from './git-commit.ts'
import { applyFault, type GitFault } from './git-fault.ts'
import { answerByGit } from './git-http-backend.ts'
import { createRepository, type RefUpdate, type Repository } from './git-repository.ts'
import { createTempFolder } from './temp-folder.ts'

export type { Changes } from './git-commit.ts'
export type { GitFault } from './git-fault.ts'
export type { RefUpdate } from './git-repository.ts'

/** HTTP Basic; hosting services take a token as the password. */
export interface GitCredentials {
  readonly username: string
  readonly password: string
}

/** A repository as the server offers it. */
export interface GitRepository extends Repository {
  /** For clone and fetch; holds no credentials. */
  readonly url: string
  /** Requires them from now on; null opens it to everyone. */
  setCredentials(credentials: GitCredentials | null): void
  /** Misbehaves from now on; null behaves again. Requests that hang already stay so. */
  setFault(fault: GitFault | null): void
}

/** One request as it came, for counting: what asks too often? */
export interface GitRequest {
  readonly repository: string
  /** info/refs is a listing of refs, git-upload-pack what follows it (a fetch; in protocol 2 the listing itself too). */
  readonly path: string
  readonly at: Date
}

export interface GitServer {
  readonly url: string
  readonly requests: GitRequest[]
  /** Makes a repository with a first commit of these files on main; without files it stays empty. */
  createRepository(name: string, files?: Changes, options?: { readonly objectFormat?: 'sha1' | 'sha256' }): Promise<GitRepository>
  /** Tells of each ref that moved, by a helper's call or by a client's push: what a hosting service sends webhooks for. */
  onPush(listener: (update: RefUpdate) => void): void
  /** Refuses connections, as a host that is down. */
  goDown(): Promise<void>
  /** Serves again at the same URL. */
  comeUp(): Promise<void>
  /** Ends it and removes all repositories. */
  stop(): Promise<void>
}

interface Entry {
  readonly repository: GitRepository
  credentials: GitCredentials | null
  fault: GitFault | null
}

/** A real Git host on loopback: bare repositories behind git's own smart-HTTP program. They go with this process. */
export async function startGitServer(): Promise<GitServer> {
  const folder = await createTempFolder('gitwake-git-')
  const entries = new Map<string, Entry>()
  const listeners: ((update: RefUpdate) => void)[] = []
  const requests: GitRequest[] = []
  const tell = (update: RefUpdate): void => listeners.forEach((listener) => listener(update))

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, name = '', path = ''] = /^\/(.+?)\.git\/([^?]*)/.exec(request.url ?? '') ?? []
    const entry = entries.get(name)
    requests.push({ repository: name, path, at: new Date() })
    if (entry === undefined) return void response.writeHead(404).end()
    if (!isAuthorised(request, entry.credentials)) {
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
    }
    if (!applyFault(entry.fault, response)) return
    if (path === 'git-receive-pack') return watchRefs(entry.repository, tell, () => answerByGit(folder.path, request, response))
    await answerByGit(folder.path, request, response)
  }
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  let port = 0
  const listen = async (): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const goDown = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  for (let attempt = 1; port === 0; attempt += 1) {
    port = await randomFreePort()
    await listen().catch((error: unknown) => {
      if (attempt === 5) throw error
      port = 0
    })
  }
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    requests,
    async createRepository(name, files, options = {}) {
      const bare = await createRepository(join(folder.path, `${name}.git`), name, options.objectFormat ?? 'sha1', tell)
      const entry: Entry = {
        credentials: null,
        fault: null,
        repository: {
          ...bare,
          url: `${url}/${name}.git`,
          setCredentials: (credentials) => void (entry.credentials = credentials),
          setFault: (fault) => void (entry.fault = fault),
        },
      }
      if (files !== undefined) await bare.commit(files, { message: 'Begin' })
      entries.set(name, entry)
      return entry.repository
    },
    onPush: (listener) => void listeners.push(listener),
    goDown,
    comeUp: listen,
    async stop() {
      await goDown()
      await folder.remove()
    },
  }
}

function isAuthorised(request: IncomingMessage, credentials: GitCredentials | null): boolean {
  if (credentials === null) return true
  const expected = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')
  return request.headers.authorization === `Basic ${expected}`
}

/** A client's push moves refs behind our back: compare them before and after. */
async function watchRefs(repository: GitRepository, tell: (update: RefUpdate) => void, push: () => Promise<void>): Promise<void> {
  const before = await refs(repository)
  await push()
  const after = await refs(repository)
  const nothing = '0'.repeat([...before.values(), ...after.values()][0]?.length ?? 40)
  for (const ref of new Set([...before.keys(), ...after.keys()])) {
    const update = { repository: repository.name, ref, before: before.get(ref) ?? nothing, after: after.get(ref) ?? nothing }
    if (update.before !== update.after) tell(update)
  }
}

async function refs(repository: GitRepository): Promise<Map<string, string>> {
  const lines = (await repository.git(['for-each-ref', '--format=%(refname) %(objectname)'])).split('\n')
  return new Map(lines.filter((line) => line !== '').map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]))
}
