/**
 * Where a web remote redirects to, for the message: git names only the status. Asked without credentials, and never followed.
 * Undefined where it cannot be found out.
 */
export async function redirectTarget(url: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await fetch(`${url.replace(/\/+$/u, '')}/info/refs?service=git-upload-pack`, {
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]),
    })
    await response.body?.cancel()
    const target = URL.parse(response.headers.get('location') ?? '', url)
    return target === null ? undefined : `${target.origin}${target.pathname.replace(/\/info\/refs$/u, '')}`
  } catch {
    return undefined // the refusal is told anyway
  }
}
