import { GitwakeError } from '../model/error.ts'
import type { Accepted, Intake, Target } from '../model/intake.ts'
import type { Delivery } from '../model/push.ts'
import type { Answer } from './answer.ts'
import { busy, internalError, queueUnavailable } from './answer.ts'
import { intentOf, triggerOf } from './intent.ts'
import type { Match } from './match.ts'
import type { Announcement } from './provider.ts'
import type { ReceiverLog } from './refusal-log.ts'

export interface AcceptOptions {
  readonly intake: Pick<Intake, 'acceptDelivery'>
  readonly match: Match
  readonly log: ReceiverLog
  /** Told of authentic pushes that could not be written down: a sweep has to make up for them. */
  readonly missed?: (targets: readonly Target[]) => void
  /** Deliveries waiting for the queue at once. */
  readonly maxAccepting: number
  /** How long the queue may take to write one down, milliseconds (GitHub gives up after 10 s). */
  readonly acceptTimeoutMs: number
}

/** An authentic request, read and understood; its body is no longer needed. */
export interface Understood {
  readonly header: Omit<Delivery, 'event' | 'ignored'>
  readonly announcement: Announcement
}

/** Hands authentic deliveries to the queue and says what became of them: 202 only when it has them in writing. */
export function createAcceptance(options: AcceptOptions): (understood: Understood) => Promise<Answer> {
  const { intake, match, log } = options
  let accepting = 0

  return async ({ header, announcement }) => {
    const { event, targets, ignored, warning } = intentOf(announcement, match, header.repository)
    const delivery: Delivery = { ...header, event, ...(ignored !== undefined && { ignored }) }
    if (warning !== undefined) log.warn({ provider: delivery.provider, delivery: delivery.id }, warning)
    if (accepting >= options.maxAccepting) return missedBy(targets, busy)
    accepting++
    try {
      const promise = intake.acceptDelivery(delivery, targets, triggerOf(delivery, announcement))
      const accepted = await within(promise, options.acceptTimeoutMs)
      log.debug({ provider: delivery.provider, delivery: delivery.id, ignored, ...accepted }, 'delivery accepted')
      return answerOf(delivery.id, accepted, ignored)
    } catch (error) {
      log.error({ err: error, provider: delivery.provider, delivery: delivery.id }, 'the queue did not accept a delivery')
      const retryable = error instanceof GitwakeError && error.retryable
      // Nothing is lost where nothing was asked for, and a 5xx counts against the webhook: GitLab switches it off after four.
      if (ignored !== undefined && retryable) return answerOf(delivery.id, { duplicate: false, tickets: [] }, ignored)
      return missedBy(targets, retryable ? queueUnavailable : internalError)
    } finally {
      accepting--
    }
  }

  function missedBy(targets: readonly Target[], answer: Answer): Answer {
    if (targets.length > 0) options.missed?.(targets)
    return answer
  }
}

function answerOf(delivery: string, { duplicate, tickets, notAffected = [] }: Accepted, ignored: string | undefined): Answer {
  return {
    status: duplicate || tickets.length === notAffected.length ? 200 : 202,
    body: {
      delivery,
      ...(duplicate && { duplicate }),
      ...(ignored !== undefined && { ignored }),
      ...(notAffected.length > 0 && { notAffected }),
      tickets: tickets.map(({ application, cluster, wanted }) => ({
        application,
        cluster,
        ticket: wanted,
      })),
    },
  }
}

/** The promise, or `queue-timeout` after `timeoutMs`; the record may still be made, and a repetition then is a duplicate. */
async function within<Value>(promise: Promise<Value>, timeoutMs: number): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(queueTimeout(timeoutMs)), timeoutMs)
    promise.finally(() => clearTimeout(timer)).then(resolve, reject)
  })
}

function queueTimeout(timeoutMs: number): GitwakeError {
  return new GitwakeError('queue-timeout', `The queue did not write the delivery down within ${timeoutMs} ms.`, {
    retryable: true,
    fix: 'Check that Redis is reachable and not overloaded.',
  })
}
