import type { Dispatcher } from 'undici'

/** The head of an answer and its body as it came. */
export interface WholeAnswer {
  readonly status: number
  readonly headers: Dispatcher.ResponseData['headers']
  readonly bytes: Buffer
}

/** More than may be read at once. */
export class AnswerTooLarge extends Error {}

/**
 * Sends one request and collects its whole answer. undici's streams would do the same; for the small answers that most requests get they cost
 * as much as everything else. Rejects with the signal's reason, AnswerTooLarge, or whatever undici says of the connection.
 */
export function readWhole(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  limits: { readonly signal: AbortSignal; readonly mostBytes: number },
): Promise<WholeAnswer> {
  const { signal, mostBytes } = limits
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    let status = 0
    let headers: WholeAnswer['headers'] = {}
    let stop: ((reason: Error) => void) | undefined
    const abort = (): void => stop?.(reasonOf(signal))
    signal.addEventListener('abort', abort, { once: true })
    dispatcher.dispatch(options, {
      onRequestStart(controller) {
        stop = (reason) => controller.abort(reason)
        if (signal.aborted) abort()
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
        signal.removeEventListener('abort', abort)
        resolve({ status, headers, bytes: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks) })
      },
      onResponseError(_controller, error) {
        signal.removeEventListener('abort', abort)
        reject(error)
      },
    })
  })
}

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error('aborted')
}
