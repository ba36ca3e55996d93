import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GitwakeError } from '../model/error.ts'

export interface Address {
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
}

/** What sets a port. */
export type ListenVariable = 'PORT' | 'GITWAKE_PROBE_PORT' | 'GITWAKE_QUEUES_PORT'

/** Connections that the kernel keeps for a busy event loop; those beyond are reset. Node's 511 are fewer than a crowd of webhooks brings at once. */
const BACKLOG = 4096

/** Starts to listen; `variable` is what sets the port. Throws GitwakeError `cannot-listen` where the address cannot be had. */
export async function listenOn(
  server: Server,
  address: Address,
  variable: ListenVariable,
): Promise<{ readonly url: string; readonly port: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const refused = (error: Error): void => reject(cannotListen(address, variable, error))
  server.once('error', refused)
  server.listen({ host: address.host, port: address.port, backlog: BACKLOG }, resolve)
  await promise
  server.off('error', refused)
  return addressOf(server.address())
}

function cannotListen({ host, port }: Address, variable: string, error: Error): GitwakeError {
  const code = 'code' in error ? String(error.code) : error.message
  const fixes: Readonly<Record<string, string>> = {
    EADDRINUSE: `Stop what listens there already (another gitwake?), or set ${variable} to another port; 0 takes any free one.`,
    EACCES: `Set ${variable} to one above 1023, or give this user the right to use a lower one.`,
  }
  return new GitwakeError('cannot-listen', `gitwake cannot listen on ${host} port ${port} (${code}).`, {
    fix: fixes[code] ?? 'Set HOST to an address of this machine: 127.0.0.1, or 0.0.0.0 for all of them.',
    cause: error,
  })
}

function addressOf(address: AddressInfo | string | null): { readonly url: string; readonly port: number } {
  if (address === null || typeof address === 'string') throw new TypeError('the server has no TCP address')
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return { url: `http://${host}:${address.port}`, port: address.port }
}
