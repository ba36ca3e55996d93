import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

/** What the control plane says about itself once it is ready. */
export interface Ready {
  /** File with the admin's credentials (system:masters). */
  readonly kubeconfig: string
  readonly server: string
  readonly token: string
  readonly caFile: string
  /** See audit-log.ts. */
  readonly auditLog: string
  /** Folder with one log per component. */
  readonly logs: string
  /** Of the process that owns all others. */
  readonly pid: number
  /** Of Kubernetes, with the v. */
  readonly version: string
}

/** Decodes the ready line of test/cluster. */
export function decodeReady(line: string): Ready {
  const value: unknown = JSON.parse(line)
  if (typeof value !== 'object' || value === null) throw new Error(`Not a ready line: ${line}`)
  const fields = new Map<string, unknown>(Object.entries(value))
  const text = (name: string): string => {
    const field = fields.get(name)
    if (typeof field !== 'string') throw new Error(`The ready line has no ${name}: ${line}`)
    return field
  }
  return {
    kubeconfig: text('kubeconfig'),
    server: text('server'),
    token: text('token'),
    caFile: text('caFile'),
    auditLog: text('auditLog'),
    logs: text('logs'),
    pid: Number(fields.get('pid')),
    version: text('version'),
  }
}

/** One line of JSON for each line sent, in order. A class, because it is one conversation with one state. */
export class LineProtocol {
  readonly #to: Writable
  readonly #waiting: PromiseWithResolvers<string>[] = []
  readonly #early: string[] = []
  #closed: Error | null = null

  constructor(to: Writable, from: Readable) {
    this.#to = to
    to.on('error', () => undefined) // EPIPE where it has just ended; close() tells the waiting ones
    createInterface({ input: from }).on('line', (line) => {
      const next = this.#waiting.shift()
      if (next === undefined) this.#early.push(line)
      else next.resolve(line)
    })
  }

  nextLine(): Promise<string> {
    const early = this.#early.shift()
    if (early !== undefined) return Promise.resolve(early)
    if (this.#closed !== null) return Promise.reject(this.#closed)
    const waiting = Promise.withResolvers<string>()
    waiting.promise.catch(() => undefined) // who lost a race must not fail the process
    this.#waiting.push(waiting)
    return waiting.promise
  }

  /** Sends a command and rejects with the other side's reason if it was refused. */
  async order(command: string): Promise<void> {
    this.#to.write(`${command}\n`)
    const answer: unknown = JSON.parse(await this.nextLine())
    const reason = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : undefined
    if (reason !== undefined) throw new Error(`Control plane, "${command}": ${String(reason)}`)
  }

  close(reason: Error): void {
    this.#closed = reason
    for (const waiting of this.#waiting.splice(0)) waiting.reject(reason)
  }
}
