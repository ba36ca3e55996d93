/**
 * The first name that stands twice in one object of a JSON text, which two readers may understand differently (RFC 7519, section 4). The text has been parsed
 * before: it is valid.
 */
export function repeatedName(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/gsu)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (token.endsWith(':')) {
      const name: unknown = JSON.parse(token.slice(0, -1))
      const names = open.at(-1)
      if (typeof name !== 'string' || names === undefined) continue
      if (names.has(name)) return name
      names.add(name)
    }
  }
  return undefined
}
