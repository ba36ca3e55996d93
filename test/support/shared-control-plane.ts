import { createConnection, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Log } from './checkout.ts'
import { decodeReady, type Ready } from './control-plane-protocol.ts'
import { startControlPlane, type ControlPlane } from './control-plane.ts'
import { createTempFolder } from './temp-folder.ts'

/** Names the socket on which a test run hands out its one control plane; unset where a test file runs by itself. */
export const SHARED_CONTROL_PLANE = 'GITWAKE_TEST_CONTROL_PLANE'

/** A control plane that other test files may be using too: every name in it must be of one's own, and nobody freezes it. */
export interface OpenControlPlane extends Ready {
  close(): Promise<void>
}

/** What a test run offers to its files. */
export interface ControlPlaneOffer {
  /** Of the Unix socket. */
  readonly path: string
  close(): Promise<void>
}

/** Offers one control plane to all test files, started when the first one asks: a run that needs none pays for none. */
export async function offerControlPlane(log: Log): Promise<ControlPlaneOffer> {
  const folder = await createTempFolder('gitwake-offer-')
  const path = join(folder.path, 'control-plane')
  let plane: Promise<ControlPlane> | undefined
  const answer = async (socket: Socket): Promise<void> => {
    socket.on('error', () => undefined) // who asked may have ended meanwhile
    plane ??= startControlPlane({ log })
    socket.end(
      await plane.then(
        (ready) => JSON.stringify(ready),
        (error: unknown) => JSON.stringify({ error: String(error) }),
      ),
    )
  }
  const server = createServer((socket) => void answer(socket))
  server.listen(path)
  await once(server, 'listening')
  return {
    path,
    async close() {
      server.close()
      await plane?.then(
        (started) => started.stop(),
        () => undefined,
      )
      await folder.remove()
    },
  }
}

/** The test run's control plane, or one of this file's own where there is no run. */
export async function openControlPlane(): Promise<OpenControlPlane> {
  const path = process.env[SHARED_CONTROL_PLANE]
  if (path === undefined) {
    const plane = await startControlPlane({ log: () => undefined })
    return { ...plane, close: plane.stop }
  }
  const line = await text(createConnection(path))
  return { ...decodeReady(line), close: () => Promise.resolve() }
}
