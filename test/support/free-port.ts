import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port of the loopback address that nobody listens on now. It is below the ranges from which systems take the
 * local ports of outgoing connections, so that a server which is stopped for a while finds it free again. Others
 * may still be faster: whoever uses it must be ready to ask for another one.
 */
export async function randomFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 16_000)
    const probe = createServer()
    try {
      probe.listen(port, '127.0.0.1')
      await once(probe, 'listening')
      return port
    } catch {
      // taken: the next one
    } finally {
      probe.close()
    }
  }
}
