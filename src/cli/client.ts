import { GitwakeError } from '../model/error.ts'

/** How the commands status, history, plan and sync reach a running gitwake. */
export interface Client {
  /** The decoded JSON of an answer with its status; throws `server-unreachable`, `unauthorized` and `server-error`. */
  readonly request: (
    method: 'GET' | 'POST',
    path: string,
    timeoutMs?: number,
  ) => Promise<{ readonly status: number; readonly body: unknown }>
  /** What an answer lists under `name`; where it lists nothing of that name, this is not the API, and it throws `server-error`. */
  readonly list: (path: string, name: string) => Promise<readonly unknown[]>
  /** The lines of an answer as they come; throws like `request`. */
  readonly lines: (path: string, signal: AbortSignal) => AsyncIterable<string>
}

/** One request waits no longer than this, so that proxies between do not cut it; we ask again until the time is over. */
export const ONE_WAIT_MS = 50_000

/** Answers that are results rather than failures of the server: done, accepted, unknown, held, refused, not in time. */
const RESULTS: readonly number[] = [200, 202, 404, 409, 422, 504]

/** A client of the API at `url`, with the first of the tokens. */
export function createClient(options: { readonly url: string; readonly tokens: readonly string[] }): Client {
  const { url, tokens } = options
  const headers = { accept: 'application/json', ...(tokens[0] === undefined ? {} : { authorization: `Bearer ${tokens[0]}` }) }
  const request: Client['request'] = async (method, path, timeoutMs = 15_000) => {
    const response = await send(url, () =>
      fetch(`${url}${path}`, { method, headers, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) }),
    )
    const body = await bodyOf(response, url)
    if (response.status !== 401 && response.status !== 403 && RESULTS.includes(response.status)) return { status: response.status, body }
    throw failureOf(response, body)
  }
  const list: Client['list'] = async (path, name) => {
    const { status, body } = await request('GET', path)
    const listed = fieldOf(body, name)
    if (!Array.isArray(listed)) throw notTheApi(url, status)
    return listed
  }
  const failureOf = (response: Response, body: unknown): GitwakeError => {
    const { message, fix } = errorOf(body)
    if (response.status === 403 && message !== undefined && fix !== undefined) return new GitwakeError('unauthorized', message, { fix })
    if (response.status === 401 || response.status === 403) return unauthorized(url, tokens.length > 0)
    return new GitwakeError('server-error', `${url} answered ${response.status}: ${message ?? response.statusText}`, {
      fix: fix ?? 'Look into the log of "gitwake serve".',
      retryable: response.status >= 500,
    })
  }
  async function* lines(path: string, signal: AbortSignal): AsyncIterable<string> {
    const response = await send(url, () => fetch(`${url}${path}`, { headers, redirect: 'error', signal }))
    if (!response.ok || response.body === null) throw failureOf(response, await bodyOf(response, url))
    yield* linesOf(response.body)
  }
  return { request, list, lines }
}

/** Complete lines of a stream of bytes, without the empty ones. */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of bytes) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) if (part !== '') yield part
  }
  if (rest !== '') yield rest
}

async function send(url: string, run: () => Promise<Response>): Promise<Response> {
  try {
    return await run()
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : cause instanceof Error ? cause.message : String(cause)
    throw new GitwakeError('server-unreachable', `No gitwake answers at ${url} (${code}).`, {
      fix: 'Start it with "gitwake start", or let GITWAKE_URL name where it runs.',
      retryable: true,
      cause: error,
    })
  }
}

async function bodyOf(response: Response, url: string): Promise<unknown> {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch (error) {
    throw notTheApi(url, response.status, error)
  }
}

function notTheApi(url: string, status: number, cause?: unknown): GitwakeError {
  return new GitwakeError('server-error', `What answers at ${url} (status ${status}) is not the API of gitwake.`, {
    fix: 'Check GITWAKE_URL: it is the address of "gitwake serve", without a path.',
    ...(cause !== undefined && { cause }),
  })
}

/** The sentence and the fix of an error answer, where it has them. */
export function errorOf(body: unknown): {
  readonly message: string | undefined
  readonly fix: string | undefined
  readonly reasons: readonly string[]
} {
  const error = fieldOf(body, 'error')
  const reasons = fieldOf(error, 'reasons')
  return {
    message: textOf(fieldOf(error, 'message')),
    fix: textOf(fieldOf(error, 'fix')),
    reasons: Array.isArray(reasons) ? reasons.filter((reason) => typeof reason === 'string') : [],
  }
}

export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function unauthorized(url: string, hadToken: boolean): GitwakeError {
  const message = hadToken ? `${url} does not accept the token in GITWAKE_API_TOKEN.` : `${url} wants a token.`
  return new GitwakeError('unauthorized', message, { fix: 'Set GITWAKE_API_TOKEN to one of the tokens that the server was started with.' })
}
