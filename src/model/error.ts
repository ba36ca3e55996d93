import { maskSecrets } from './mask.ts'
import type { ObjectId, Origin } from './object.ts'

/**
 * An error that stops a sync (or a command) and that a user can act on.
 * `retryable` says whether the same commit may succeed later without anybody changing it.
 */
export class GitwakeError extends Error {
  readonly code: string
  readonly retryable: boolean
  /** One sentence: what to do about it. */
  readonly fix: string
  readonly object: ObjectId | undefined
  readonly origin: Origin | undefined
  /** A refusal to go on without a person's word (promise 14), rather than a failure. */
  readonly held: boolean

  constructor(
    code: string,
    message: string,
    options: { fix: string; retryable?: boolean; held?: boolean; cause?: unknown; object?: ObjectId; origin?: Origin },
  ) {
    super(message, { cause: options.cause })
    this.name = 'GitwakeError'
    this.code = code
    this.fix = options.fix
    this.retryable = options.retryable ?? false
    this.held = options.held ?? false
    this.object = options.object
    this.origin = options.origin
  }
}

/** An error as it is stored and shown: never with a stack, a cause or a credential. */
export interface Problem {
  readonly code: string
  readonly message: string
  readonly fix: string
  readonly retryable: boolean
  readonly object?: ObjectId
  readonly origin?: Origin
}

/** The Problem of anything thrown; what is not a GitwakeError is our own fault and worth a retry. */
export function problemOf(error: unknown): Problem {
  if (error instanceof GitwakeError) {
    return {
      code: error.code,
      message: error.message,
      fix: error.fix,
      retryable: error.retryable,
      ...(error.object && { object: error.object }),
      ...(error.origin && { origin: error.origin }),
    }
  }
  // Nobody has thought about what this message may hold; it is stored and shown.
  const message = maskSecrets(error instanceof Error ? error.message : String(error))
  return { code: 'internal', message, fix: 'This is a bug in gitwake: please report it with the log lines around it.', retryable: true }
}
