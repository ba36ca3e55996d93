import { GitwakeError } from '../model/error.ts'
import type { ApiResponse } from './request.ts'
import { classifyAnswer } from './errors.ts'

/** An answer that stops the sync, as an error. `doing` completes the sentence "… failed: …". */
export function answerError(answer: ApiResponse, { doing }: { readonly doing: string }): GitwakeError {
  const { class: kind, message, retryable } = classifyAnswer(answer)
  return new GitwakeError(`api-${kind}`, `${doing} failed: ${message}`, {
    retryable,
    fix: fixes[kind] ?? 'Look at the API server, or at the audit log for this request.',
  })
}

const fixes: Readonly<Record<string, string>> = {
  forbidden: 'Grant the worker this verb: gitwake rbac prints the roles that the configuration needs.',
  unauthorized: 'Renew the credentials of this cluster.',
  unavailable: 'Nothing to do: it is tried again.',
  'too-many-requests': 'Nothing to do: it is tried again as soon as the API server allows.',
  timeout: 'Nothing to do: it is tried again.',
}
