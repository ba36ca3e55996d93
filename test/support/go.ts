import { once } from 'node:events'
import { setPriority } from 'node:os'
import { createInterface } from 'node:readline'
import { findOnPath, type Log } from './checkout.ts'
import { spawnOwned } from './owned-process.ts'

const NEEDED = 'Go 1.26 or newer builds the Kubernetes control plane for tests, demo and bench'
const INSTALL = "install it from https://go.dev/dl/ (or your system's packages) and run this again"
const PROGRESS_MS = 10_000
const KEPT_LINES = 30

/** Runs the go command in a module's folder; tells the log every ten seconds how far it is. */
export async function runGo(folder: string, args: readonly string[], doing: string, log: Log, signal?: AbortSignal): Promise<void> {
  if (findOnPath('go') === null) throw new Error(`${NEEDED}, and there is no "go" on PATH: ${INSTALL}.`)
  const child = spawnOwned('go', args, {
    cwd: folder,
    // Without cgo no C compiler is needed; a workspace or flags of the user's must not change what is built.
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(signal === undefined ? {} : { signal }),
  })
  const started = Date.now()
  const said: string[] = []
  let count = 0
  if (child.stderr === null) throw new Error('The go command has no stderr.')
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('go: ')) count += 1
    said.push(line)
    if (said.length > KEPT_LINES) said.shift()
  })
  const progress = setInterval(() => {
    const seconds = Math.round((Date.now() - started) / 1000)
    log(`${doing}${count > 0 ? ` (${count} packages so far)` : ''}, ${seconds} s`)
  }, PROGRESS_MS)
  try {
    if (child.pid !== undefined) yieldToOthers(child.pid)
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(explain(`go ${args[0]} failed`, said))
  } finally {
    clearInterval(progress)
  }
}

/** A long build must not make the machine unusable meanwhile. */
function yieldToOthers(pid: number): void {
  try {
    setPriority(pid, 10)
  } catch {
    // only a courtesy
  }
}

function explain(summary: string, said: readonly string[]): string {
  const text = said.join('\n')
  const tooOld = /requires go >= |invalid go version|toolchain not available|unknown directive/.test(text)
  return tooOld ? `${NEEDED}; the one on PATH is too old: ${INSTALL}.\n${text}` : `${summary}:\n${text}`
}
