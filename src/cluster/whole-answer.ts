import type { Dispatcher } from 'undici'

/** The head of an answer and its body as it came. */
export interface WholeAnswer {
  readonly status: number
  readonly headers: Dispatcher.ResponseData['headers']
  readonly bytes: Buffer
}

/** More than may be read at once. */
export class AnswerTooLarge extends Error {}

/** The answer was not there in time, or not whole. */
export class AnswerTooLate extends Error {}

/** It was withheld at the last moment. */
export class NotSent extends Error {
  readonly reason: unknown

  constructor(reason: unknown) {
    super('not sent')
    this.reason = reason
  }
}

/**
 * Sends one request and collects its whole answer. undici's streams would do the same; for the small answers that most requests get they cost
 * as much as everything else. Rejects with the signal's reason, NotSent, AnswerTooLarge, AnswerTooLate, or whatever undici says of the connection.
 */
export function readWhole(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  limits: {
    readonly signal: AbortSignal
    readonly timeoutMs: number
    readonly mostBytes: number
    /** Called when there is a connection and nothing was sent yet: what it throws ends the request unsent. */
    readonly beforeSent?: (() => void) | undefined
  },
): Promise<WholeAnswer> {
  const { signal, timeoutMs, mostBytes, beforeSent } = limits
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    let status = 0
    let headers: WholeAnswer['headers'] = {}
    let stop: ((reason: Error) => void) | undefined
    let stopped: Error | undefined
    const end = (reason: Error): void => {
      stopped ??= reason
      stop?.(reason)
    }
    const abort = (): void => end(reasonOf(signal))
    const timer = setTimeout(() => end(new AnswerTooLate()), timeoutMs)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    const settle = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
    dispatcher.dispatch(options, {
      onRequestStart(controller) {
        stop = (reason) => controller.abort(reason)
        if (stopped !== undefined) return controller.abort(stopped)
        try {
          beforeSent?.()
        } catch (error) {
          end(new NotSent(error))
        }
      },
      onResponseStart(_controller, statusCode, answered) {
        status = statusCode
        headers = answered
      },
      onResponseData(controller, chunk) {
        size += chunk.length
        if (size > mostBytes) controller.abort(new AnswerTooLarge())
        else chunks.push(chunk)
      },
      onResponseEnd() {
        settle()
        resolve({ status, headers, bytes: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks) })
      },
      onResponseError(_controller, error) {
        settle()
        reject(stopped ?? error)
      },
    })
  })
}

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error('aborted')
}
