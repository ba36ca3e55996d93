import type { ServerResponse } from 'node:http'

/** How a Git host misbehaves. */
export type GitFault =
  /** Accepts the request and never answers. */
  | { readonly kind: 'hang' }
  /** Answers so at once: 500, 403, 429 with Retry-After, a redirect with Location, … */
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Sends that many bytes of the body, then says nothing more (hang) or drops the connection (cut). */
  | { readonly kind: 'hang after' | 'cut after'; readonly bytes: number }

/** Puts the fault between git and the client. Returns whether the request shall still be answered. */
export function applyFault(fault: GitFault | null, response: ServerResponse): boolean {
  switch (fault?.kind) {
    case undefined:
      return true
    case 'hang':
      return false
    case 'status':
      response.writeHead(fault.status, fault.headers).end()
      return false
    case 'hang after':
    case 'cut after':
      limitBody(response, fault.bytes, fault.kind === 'cut after')
      return true
  }
}

function limitBody(response: ServerResponse, bytes: number, cut: boolean): void {
  const write = response.write.bind(response)
  let left = bytes
  response.write = (chunk: Uint8Array): boolean => {
    const part = chunk.subarray(0, left)
    left -= part.length
    const end = (): void => void (cut && left === 0 && response.destroy())
    if (part.length > 0) write(part, end)
    else end()
    return left > 0 // what git still has to say waits for a drain that does not come
  }
}
