import { createOutgoingFetch } from '../outgoing/fetch.ts'

/**
 * Where a web remote redirects to, for the message: git names only the status. Asked without credentials, and never followed.
 * Undefined where it cannot be found out.
 */
export async function redirectTarget(
  url: string,
  { allowInsecure }: { readonly allowInsecure: boolean },
  signal: AbortSignal,
): Promise<string | undefined> {
  const ask = createOutgoingFetch({ allowInsecure, maxBytes: 1024 * 1024, timeoutMs: 5_000 })
  try {
    const { headers } = await ask(`${url.replace(/\/+$/u, '')}/info/refs?service=git-upload-pack`, { signal })
    const target = URL.parse(headers.get('location') ?? '', url)
    return target === null ? undefined : `${target.origin}${target.pathname.replace(/\/info\/refs$/u, '')}`
  } catch {
    return undefined // the refusal is told anyway
  }
}
