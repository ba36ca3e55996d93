import { userInfo } from 'node:os'
import type { Client } from './client.ts'
import { order, type Order } from './sync.ts'
import type { Terminal } from './terminal.ts'

/** `gitwake suspend`, `resume`, `rollback` and `unpin`: who says it is who runs the command, unless told otherwise. */
export async function say(
  client: Client,
  terminal: Terminal,
  options: Omit<Order, 'query'> & { readonly by?: string; readonly reason?: string; readonly to?: string },
): Promise<number> {
  const { by = userInfo().username, reason, to, ...rest } = options
  return await order(client, terminal, { ...rest, query: { by, ...(reason !== undefined && { reason }), ...(to !== undefined && { to }) } })
}
