import type { IncomingMessage } from 'node:http'

/** How long a sender may go on with a body that is not wanted; closing at once could take the answer away from it. */
const lingerMs = 2000
/** The same for one that is not being read: it holds a buffer, and has its answer. */
const unreadLingerMs = 500
/** A rest this small is read whatever else is going on, so that the connection can be used again. Bytes. */
const smallRest = 65_536
const mostAtOnce = 8

/**
 * Deals with what is left of a request that has been answered: it is read and dropped for a moment, by few at once (what a flood
 * of unwanted bodies costs is reading them); the others stay unread until they hang up or the moment is over.
 */
export function createLeave(): (request: IncomingMessage) => void {
  let dropping = 0

  return (request) => {
    if (request.complete || request.socket.destroyed) return
    const drop = dropping < mostAtOnce || Number(request.headers['content-length'] ?? Infinity) <= smallRest
    const timer = setTimeout(() => request.socket.destroy(), drop ? lingerMs : unreadLingerMs)
    timer.unref()
    if (drop) dropping++
    request
      .on('error', () => {})
      .once('close', () => {
        clearTimeout(timer)
        if (drop) dropping--
      })
    if (drop) request.resume()
    // Tells Node that somebody reads: it would drop the rest itself, all of it, when the answer is out.
    else request.read(0)
  }
}
