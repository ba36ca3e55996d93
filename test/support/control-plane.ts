import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { ensureControlPlaneProgram } from './build.ts'
import type { Log } from './checkout.ts'
import { decodeReady, LineProtocol, type Ready } from './control-plane-protocol.ts'
import { createTempFolder } from './temp-folder.ts'

/** A real Kubernetes control plane, and what a test may do to its API server. */
export interface ControlPlane extends Ready {
  /** Freezes the API server: connections stay open and nothing is answered. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Kills the API server: connections are refused. Its data stays. */
  stopApiServer(): Promise<void>
  /** Starts it again on the same port; resolves when it is ready. */
  startApiServer(): Promise<void>
  /** Ends everything, removes the data; the second call waits for the first. */
  stop(): Promise<void>
  /** Resolves when all processes are gone: with null after stop(), with the reason where it ended by itself. */
  readonly ended: Promise<Error | null>
}

/** What startControlPlane needs. */
export interface ControlPlaneOptions {
  readonly log: Log
  /** Keeps logs, audit log and kubeconfig after the end; without it a temporary folder serves and is removed. */
  readonly dir?: string
  /** A further place for the admin's kubeconfig, removed at the end. */
  readonly kubeconfig?: string
  /** Another place for the audit log. */
  readonly auditLog?: string
  /** Stops the control plane when aborted. */
  readonly signal?: AbortSignal
}

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 10_000

/** Builds the program where it is missing, starts it, and resolves when the API server is ready. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const program = await ensureControlPlaneProgram(options.log, options.signal)
  options.signal?.throwIfAborted()
  const temporary = options.dir === undefined ? await createTempFolder('gitwake-cluster-') : null
  const args = ['control-plane', '--dir', options.dir ?? temporary?.path ?? '']
  if (options.kubeconfig !== undefined) args.push('--kubeconfig', options.kubeconfig)
  if (options.auditLog !== undefined) args.push('--audit-log', options.auditLog)

  // It ends when its stdin closes, so it needs no signal of ours to go when this process is killed. A session of
  // its own keeps a Ctrl-C in the terminal from it: who started it decides when it goes.
  const child = spawn(program, args, { detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  const protocol = new LineProtocol(child.stdin, child.stdout)
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints = (complaints + text).slice(-8_000)))

  let stopping = false
  const ended = endOf(child).then(async (how): Promise<Error | null> => {
    const reason = stopping ? null : new Error(`The control plane ended by itself (${how}):\n${complaints.trim()}`)
    protocol.close(reason ?? new Error('The control plane has been stopped.'))
    await temporary?.remove()
    return reason
  })
  const stop = async (): Promise<void> => {
    stopping = true
    child.stdin.end()
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(force)
  }
  options.signal?.addEventListener('abort', () => void stop(), { once: true })

  const tooLate = AbortSignal.timeout(START_TIMEOUT_MS)
  const line = await Promise.race([protocol.nextLine().catch((error: unknown) => error), once(tooLate, 'abort')])
  if (typeof line !== 'string') {
    await stop()
    options.signal?.throwIfAborted()
    throw line instanceof Error ? line : new Error(`The control plane was not ready after ${START_TIMEOUT_MS / 1000} s.\n${complaints}`)
  }
  const order = (verb: string) => () => protocol.order(`${verb} kube-apiserver`)
  return {
    ...decodeReady(line),
    pause: order('pause'),
    resume: order('resume'),
    stopApiServer: order('stop'),
    startApiServer: order('start'),
    stop,
    ended,
  }
}

async function endOf(child: ReturnType<typeof spawn>): Promise<string> {
  try {
    const [code, signal] = await once(child, 'close')
    return signal === null ? `exit code ${code}` : String(signal)
  } catch (error) {
    return String(error) // could not be started
  }
}
