import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

export interface Answer {
  readonly status: number
  readonly body: unknown
  /** Seconds. */
  readonly retryAfter?: number
  readonly allow?: string
}

/** Every refusal in one shape: what, and what to do about it. */
export function refusal(status: number, code: string, message: string, fix: string, retryAfter?: number): Answer {
  return {
    status,
    body: { error: { code, message, fix } },
    ...(retryAfter !== undefined && { retryAfter }),
  }
}

/** One answer for an unknown receiver and for a bad, missing or stale signature: it tells nothing about which it was. */
export const unauthorized = refusal(
  401,
  'unauthorized',
  'This delivery could not be authenticated.',
  'Check the URL of the webhook and that its secret is the one gitwake is configured with; the log of gitwake says more.',
)

export const methodNotAllowed: Answer = {
  ...refusal(405, 'method-not-allowed', 'Webhooks are sent by POST.', 'Let GitHub or GitLab send the delivery.'),
  allow: 'POST',
}

export const tooSlow = refusal(408, 'too-slow', 'The body did not arrive in time.', 'Send the delivery again.')

export const tooLarge = refusal(
  413,
  'too-large',
  'The body is larger than a delivery can be.',
  'Nothing is lost: the next poll of the repository finds the commit.',
)

export const unsupportedType = refusal(
  415,
  'unsupported-type',
  'Only application/json in UTF-8, not compressed, is accepted.',
  'Set the content type of the webhook to application/json.',
)

export const busy = refusal(503, 'busy', 'Too many deliveries are being received.', 'Send the delivery again after Retry-After.', 2)

export const queueUnavailable = refusal(
  503,
  'queue-unavailable',
  'The delivery is authentic, but it could not be written down.',
  'Send it again after Retry-After; otherwise the next poll of the repository finds the commit.',
  5,
)

export const internalError = refusal(
  500,
  'internal',
  'gitwake failed to handle the delivery.',
  'This is a bug in gitwake: please report it with the log lines around it.',
)

export function tooMany(waitMs: number): Answer {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  return refusal(429, 'too-many-requests', 'Too many requests from this address.', `Try again in ${seconds} s.`, seconds)
}

/** Sends an answer; what is left of the body is not its business. */
export function send(response: ServerResponse, answer: Answer): void {
  if (response.headersSent || response.destroyed) return
  const text = JSON.stringify(answer.body)
  const headers: OutgoingHttpHeaders = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  }
  if (answer.retryAfter !== undefined) headers['retry-after'] = String(answer.retryAfter)
  if (answer.allow !== undefined) headers['allow'] = answer.allow
  // The sender is not going to say the rest, and whatever it says next would be taken for the rest.
  if (answer.status === 408) headers['connection'] = 'close'
  response.writeHead(answer.status, headers)
  response.end(text)
}
