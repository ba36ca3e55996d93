/** The steps of a JSON pointer (RFC 6901): `/data/tls~1crt` → `data`, `tls/crt`; undefined where it is none. */
export function parsePointer(text: string): readonly string[] | undefined {
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined
  return text
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}
