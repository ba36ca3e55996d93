const LONGEST = 1_000
/** Nobody wants to be led back to where they log in or out. */
const OWN = /^\/(?:login|logout|token)(?:\/|$)/

/** A path of this server to lead somebody back to: `/` for everything that could lead elsewhere, however it is spelled. */
export function safeReturnPath(text: unknown): string {
  if (typeof text !== 'string' || text.length > LONGEST || !text.startsWith('/')) return '/'
  // As browsers read it: they drop tabs and line ends, take \ for / and walk over dots.
  const url = URL.parse(text, 'https://here.invalid')
  if (url === null || url.origin !== 'https://here.invalid' || url.username !== '' || url.password !== '') return '/'
  const path = url.pathname + url.search
  return path.startsWith('//') || OWN.test(url.pathname) ? '/' : path
}
