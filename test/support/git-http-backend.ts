import { spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gitEnvironment } from './git-command.ts'

/**
 * Answers one request by `git http-backend`, git's own CGI program, serving the bare repositories below root.
 * The promise resolves when the answer is complete or the client has gone.
 */
export async function answerByGit(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const header = (name: string): string => String(request.headers[name] ?? '')
  const child = spawn('git', ['http-backend'], {
    env: {
      ...gitEnvironment(),
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: header('content-type'),
      // Empty means "read to the end": chunked bodies come without a length.
      ...(header('content-length') === '' ? {} : { CONTENT_LENGTH: header('content-length') }),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  child.stdin.on('error', () => undefined) // it may answer before it has read everything
  request.pipe(child.stdin)
  response.once('close', () => child.kill())
  try {
    await copyAnswer(child.stdout, response)
  } finally {
    response.end()
  }
}

/** CGI: header lines, an empty line, the body. */
async function copyAnswer(output: AsyncIterable<Buffer>, response: ServerResponse): Promise<void> {
  let head = Buffer.alloc(0)
  let inBody = false
  for await (const chunk of output) {
    if (inBody) {
      await write(response, chunk)
      continue
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) continue
    inBody = true
    sendHeaders(head.subarray(0, end).toString('latin1'), response)
    await write(response, head.subarray(end + 4))
  }
  if (!inBody) response.statusCode = 500
}

function sendHeaders(head: string, response: ServerResponse): void {
  for (const line of head.split('\r\n')) {
    const [name = '', value = ''] = line.split(/: (.*)/s)
    if (name.toLowerCase() === 'status') response.statusCode = Number.parseInt(value, 10)
    else response.setHeader(name, value)
  }
}

/** Waits for a slow client, and gives up on one that has gone. */
async function write(response: ServerResponse, chunk: Buffer): Promise<void> {
  if (chunk.length === 0 || response.destroyed || response.write(chunk)) return
  const moved = Promise.withResolvers<void>()
  response.once('drain', moved.resolve)
  response.once('close', moved.resolve)
  await moved.promise
}
