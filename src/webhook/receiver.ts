import type { IncomingMessage, ServerResponse } from 'node:http'
import { GitwakeError } from '../model/error.ts'
import { sourceOfAddress } from '../model/ip-address.ts'
import type { SharedFailures } from '../model/shared-failures.ts'
import type { AcceptOptions, Understood } from './accept.ts'
import { createAcceptance } from './accept.ts'
import type { Answer } from './answer.ts'
import { busy, internalError, refusal, send, tooLarge, tooMany, tooSlow, unauthorized } from './answer.ts'
import type { BodyLimits } from './body.ts'
import { createBodyReader } from './body.ts'
import type { WebhookSecrets } from './credentials.ts'
import { createCredentialStore, nobody } from './credentials.ts'
import { createLeave } from './leave.ts'
import { parsePayload } from './payload.ts'
import type { Credentials } from './provider.ts'
import type { RateLimit } from './rate-limit.ts'
import { createRateLimiter } from './rate-limit.ts'
import type { ReceiverLog } from './refusal-log.ts'
import { createRefusalLog } from './refusal-log.ts'
import type { Route } from './route.ts'
import { routeOf, tokenOf } from './route.ts'
import { hashInVain, sha256 } from './signature.ts'
import { checkTransport } from './transport.ts'

export type ReceiverLimits = BodyLimits & Pick<AcceptOptions, 'maxAccepting' | 'acceptTimeoutMs'>

export const defaultReceiverLimits: ReceiverLimits = {
  maxBytes: 25 * 1024 * 1024,
  budgetBytes: 64 * 1024 * 1024,
  largeBytes: 1024 * 1024,
  maxReaders: 1000,
  timeoutMs: 10_000,
  maxAccepting: 5000,
  acceptTimeoutMs: 8000,
}

export interface ReceiverOptions extends Pick<AcceptOptions, 'intake' | 'match' | 'missed'> {
  readonly secrets: WebhookSecrets
  /** Undefined switches the limit off. */
  readonly rateLimit: RateLimit | undefined
  /** Counts failures in other processes, too. */
  readonly failures?: SharedFailures | undefined
  /** Where a request comes from: by default whoever holds the connection. */
  readonly addressOf?: (request: IncomingMessage) => string | undefined
  readonly log: ReceiverLog
  /** Milliseconds since 1970. */
  readonly now?: () => number
  readonly limits?: Partial<ReceiverLimits>
  /** Told of every answer, for metrics. */
  readonly observe?: (receiver: Route['receiver'], status: number) => void
}

/** Without the name, which a stranger chose. */
const noSecretOfItsOwn = 'no Repository of the name in its URL has a webhookSecretFrom'

/** Answers whatever is below `/hooks` and resolves with true; false leaves the request, untouched, to others. Never rejects. */
export type Receiver = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>

/**
 * The door for webhooks. The order is the promise: transport and size, then the signature over the raw bytes, then JSON, then
 * its schema, then the configuration, then the queue; 202 only when the queue has it in writing.
 */
export function createReceiver(options: ReceiverOptions): Receiver {
  const { log, now = Date.now } = options
  const limits = { ...defaultReceiverLimits, ...options.limits }
  const readBody = createBodyReader(limits)
  const limiter = options.rateLimit && createRateLimiter(options.rateLimit, options.failures)
  const addressOf = options.addressOf ?? (({ socket }) => socket.remoteAddress)
  const store = createCredentialStore(options.secrets, now)
  const logRefusal = createRefusalLog(log, now)
  const leave = createLeave()
  const accept = createAcceptance({ ...limits, ...options })

  return async (request, response) => {
    const route = routeOf(request)
    if (route === undefined) return false
    const answer = await receive(route, request).catch((error: unknown) => {
      log.error({ err: error, receiver: route.receiver }, 'the receiver failed')
      return internalError
    })
    if (answer === undefined) return true
    send(response, answer)
    leave(request)
    options.observe?.(route.receiver, answer.status)
    return true
  }

  async function receive(route: Route, request: IncomingMessage): Promise<Answer | undefined> {
    const source = sourceOfAddress(addressOf(request))
    const wait = (await limiter?.admit(source, now())) ?? 0
    if (wait > 0) return tooMany(wait)
    const refused = checkTransport(request)
    if (refused !== undefined) return failed(source, refused)
    const body = await readBody(request)
    switch (body.kind) {
      case 'gone':
        failed(source, tooSlow)
        return undefined
      case 'busy':
        return busy
      case 'too slow':
        return failed(source, tooSlow)
      case 'too large':
        return failed(source, tooLarge)
      case 'body':
        break
    }
    const understood = await examine(route, request, body.bytes, source).finally(body.release)
    return 'status' in understood ? understood : accept(understood)
  }

  /** What is not authentic counts against its source, and turns into a 429 when there has been too much of it. */
  function failed(source: string, answer: Answer): Answer {
    const wait = limiter?.failed(source, now()) ?? 0
    return wait > 0 ? tooMany(wait) : answer
  }

  async function examine(route: Route, request: IncomingMessage, body: Buffer, source: string): Promise<Understood | Answer> {
    const { headers } = request
    const receivedAt = now()
    const credentials = await credentialsOf(route, source)
    const verdict = route.provider?.authenticate(headers, body, credentials, receivedAt, tokenOf(request))
    if (route.provider === undefined || verdict?.authentic !== true) {
      hashInVain(body, store.rounds - (verdict?.hashed ?? 0))
      if (route.repository !== undefined && credentials === nobody) logRefusal(route.receiver, source, noSecretOfItsOwn)
      else logRefusal(placeOf(route), source, verdict?.reason ?? 'there is no such receiver')
      return failed(source, unauthorized)
    }
    const wait = limiter?.authentic(source, receivedAt) ?? 0
    if (wait > 0) return tooMany(wait)
    const { name: provider } = route.provider
    const bodyDigest = sha256(body)
    const id = route.provider.deliveryId(headers, bodyDigest)
    try {
      const announcement = route.provider.decode(headers, parsePayload(body))
      return {
        header: { provider, id, bodyDigest, receivedAt, repository: route.repository },
        announcement,
      }
    } catch (error) {
      if (!(error instanceof GitwakeError)) throw error
      log.warn({ provider, delivery: id, reason: error.message }, 'authentic but malformed delivery refused')
      return refusal(400, error.code, error.message, error.fix)
    }
  }

  /** A secret that cannot be read authenticates nobody. */
  async function credentialsOf(route: Route, source: string): Promise<Credentials> {
    try {
      return await store.credentialsOf(route)
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      logRefusal(placeOf(route), source, `the webhook secret of repository ${route.repository} cannot be read: ${problem}`)
      return { signatureKeys: [], tokens: [] }
    }
  }
}

/** What the log calls a receiver whose secret is configured. */
function placeOf({ receiver, repository }: Route): string {
  return repository === undefined ? receiver : `${receiver}/${repository}`
}
