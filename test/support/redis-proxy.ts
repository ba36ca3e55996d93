import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** One command as it reached the proxy. */
export interface RedisCommand {
  /** The first one is 1, over all connections. */
  readonly number: number
  /** In capitals. */
  readonly name: string
  readonly parameters: readonly string[]
}

/** What happens around the commands; 'swallow' leaves the connection without any further answer. */
export interface RedisHooks {
  readonly before?: (command: RedisCommand) => 'pass' | 'swallow'
  /** Redis has carried it out, and its answer is here. (Not where it only says that it does not know a script yet.) */
  readonly after?: (command: RedisCommand) => 'pass' | 'swallow'
}

/** A way to Redis of one process alone, so that its commands can be seen, and somebody ended at each of them. */
export interface RedisProxy {
  readonly url: string
  readonly passed: readonly RedisCommand[]
  close(): Promise<void>
}

export async function startRedisProxy(redisUrl: string, hooks: RedisHooks = {}): Promise<RedisProxy> {
  const passed: RedisCommand[] = []
  const sockets = new Set<Socket>()
  const note = (frame: Buffer): RedisCommand => {
    const [name = '', ...parameters] = wordsOf(frame)
    const command = { number: passed.length + 1, name: name.toUpperCase(), parameters }
    passed.push(command)
    return command
  }

  const server = createServer((client) => {
    const redis = connect(Number(new URL(redisUrl).port), '127.0.0.1')
    const unanswered: RedisCommand[] = []
    let isMute = false
    client.on(
      'data',
      inFrames((frame) => {
        if (isMute) return
        const command = note(frame)
        if (hooks.before?.(command) === 'swallow') return void (isMute = true)
        unanswered.push(command)
        redis.write(frame)
      }),
    )
    redis.on(
      'data',
      inFrames((frame) => {
        const command = isPushed(frame) ? undefined : unanswered.shift()
        if (isMute) return
        const isExecuted = command !== undefined && !frame.subarray(0, 9).equals(NOT_LOADED)
        if (isExecuted && hooks.after?.(command) === 'swallow') return void (isMute = true)
        client.write(frame)
      }),
    )
    for (const [one, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined) // the close that follows says it
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.')
  return {
    url: `redis://127.0.0.1:${address.port}`,
    passed,
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

const NOT_LOADED = Buffer.from('-NOSCRIPT')

/** Cuts a stream of RESP into its frames (https://redis.io/docs/latest/develop/reference/protocol-spec/). */
function inFrames(take: (frame: Buffer) => void): (piece: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (piece) => {
    rest = Buffer.concat([rest, piece])
    for (let end = endOfFrame(rest, 0); end !== undefined; end = endOfFrame(rest, 0)) {
      take(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
  }
}

/** Where the frame that begins there ends; undefined where its end has not come yet. */
function endOfFrame(bytes: Buffer, start: number): number | undefined {
  const line = bytes.indexOf('\r\n', start)
  if (line < 0) return undefined
  const kind = String.fromCharCode(bytes[start] ?? 0)
  const count = Number(bytes.toString('latin1', start + 1, line))
  const end = line + 2
  if ('$!='.includes(kind) && count >= 0) return end + count + 2 <= bytes.length ? end + count + 2 : undefined
  const members = '*~>'.includes(kind) ? count : '%|'.includes(kind) ? 2 * count : 0
  let at: number | undefined = end
  for (let member = 0; member < members && at !== undefined; member += 1) at = endOfFrame(bytes, at)
  return at
}

/** Commands are arrays of strings. */
function wordsOf(frame: Buffer): readonly string[] {
  const words: string[] = []
  for (let at = frame.indexOf('\r\n') + 2; at < frame.length;) {
    const start = frame.indexOf('\r\n', at) + 2
    const end = start + Number(frame.toString('latin1', at + 1, start - 2))
    words.push(frame.toString('utf8', start, end))
    at = end + 2
  }
  return words
}

/** Told by Redis unasked, in between. */
function isPushed(frame: Buffer): boolean {
  return frame[0] === '>'.charCodeAt(0)
}
