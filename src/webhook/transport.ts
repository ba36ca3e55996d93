import type { IncomingMessage } from 'node:http'
import type { Answer } from './answer.ts'
import { methodNotAllowed, unsupportedType } from './answer.ts'

const jsonInUtf8 = /^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*;?$/iu

/** What is wrong with a request before a byte of its body is read; undefined where nothing is. */
export function checkTransport(request: IncomingMessage): Answer | undefined {
  if (request.method !== 'POST') return methodNotAllowed
  const type = request.headers['content-type'] ?? ''
  if (type !== 'application/json' && !jsonInUtf8.test(type)) return unsupportedType
  const encoding = request.headers['content-encoding']
  // Nothing is decompressed: no sender compresses, and so there are no bombs.
  return encoding === undefined || encoding.toLowerCase() === 'identity' ? undefined : unsupportedType
}
