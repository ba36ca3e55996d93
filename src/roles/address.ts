import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import proxyAddress from 'proxy-addr'

/**
 * The address that a request comes from: who holds the connection, or, where that is one of the trusted proxies, the last address that those did not
 * add themselves to X-Forwarded-For. What stands further left, anybody may have written.
 */
export function createAddressOf(trusted: readonly string[]): (request: IncomingMessage) => string {
  if (trusted.length === 0) return ({ socket }) => socket.remoteAddress ?? ''
  const trust = proxyAddress.compile([...trusted])
  return (request) => {
    const holder = request.socket.remoteAddress
    // A connection that has just ended has none.
    if (holder === undefined) return ''
    const address = proxyAddress(request, trust)
    return isIP(address) === 0 ? holder : address
  }
}
