import { open } from 'node:fs/promises'
import { environmentValue } from '../config.ts'
import type { SecretReference } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'

/** No credential is larger; a kubeconfig with many contexts stays below. */
const LARGEST_SECRET = 1024 * 1024

/** The value behind a `…From` reference, read anew each time so that a rotation needs no restart. */
export type ResolveSecret = (reference: SecretReference) => Promise<string>

/**
 * Resolves references from the environment and from files; one trailing newline is not part of the secret.
 * `onValue` hears every value (for the mask). Throws GitwakeError `secret-missing` (retryable: it may be mounted later) and `secret-too-large`.
 */
export function createSecretResolver(options: {
  readonly onValue?: (value: string) => void
  readonly environment?: (name: string) => string | undefined
}): ResolveSecret {
  const { onValue, environment = environmentValue } = options
  return async (reference) => {
    const value = 'env' in reference ? fromEnvironment(reference.env, environment) : await fromFile(reference.file)
    onValue?.(value)
    return value
  }
}

function fromEnvironment(name: string, environment: (name: string) => string | undefined): string {
  const value = environment(name)
  if (value !== undefined && value !== '') return withoutNewline(value)
  throw missing(
    `The environment variable ${name}, which the configuration names for a secret, is not set.`,
    `Set ${name} for the process that needs it.`,
  )
}

async function fromFile(path: string): Promise<string> {
  const text = await readLimited(path)
  const value = withoutNewline(text)
  if (value !== '') return value
  throw missing(`The file ${path}, which the configuration names for a secret, is empty.`, 'Write the secret into it.')
}

async function readLimited(path: string): Promise<string> {
  let file
  try {
    file = await open(path, 'r')
    const { size } = await file.stat()
    if (size > LARGEST_SECRET) {
      throw new GitwakeError('secret-too-large', `The file ${path} has ${size} bytes: no secret is larger than 1 MiB.`, {
        fix: 'Check the path.',
      })
    }
    return await file.readFile('utf8')
  } catch (error) {
    if (error instanceof GitwakeError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw missing(
      `The file ${path}, which the configuration names for a secret, cannot be read (${code}).`,
      'Mount it where gitwake runs, readable for its user.',
      error,
    )
  } finally {
    await file?.close()
  }
}

function missing(message: string, fix: string, cause?: unknown): GitwakeError {
  return new GitwakeError('secret-missing', message, { fix, retryable: true, cause })
}

function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/, '')
}
