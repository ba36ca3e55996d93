/** JSON as Kubernetes means it: integers beyond 2^53 keep their digits (as `bigint`), and key order never matters. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json | undefined
}

/** The parts of the TC39 "JSON.parse source text access" proposal that Node 22 ships and TypeScript's library does not declare yet. */
interface JsonWithSource {
  rawJSON(text: string): unknown
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
}
const json: JsonWithSource = Object.assign(Object.create(null), {
  rawJSON: Reflect.get(JSON, 'rawJSON'),
  parse: JSON.parse,
})

const INTEGER = /^-?\d+$/

/** Parses JSON text; an integer that a double cannot hold becomes a `bigint`. Throws SyntaxError. */
export function parseJson(text: string): Json {
  // The reviver costs about ten times a plain parse, so it runs only where a long run of digits occurs at all.
  if (!/\d{16}/.test(text)) return JSON.parse(text) as Json
  return json.parse(text, (_key, value, context) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && context.source !== undefined && INTEGER.test(context.source)
      ? BigInt(context.source)
      : value,
  ) as Json
}

/** JSON text of a value; a `bigint` is written digit by digit. */
export function stringifyJson(value: Json, indent?: number): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? json.rawJSON(String(item)) : item), indent)
}

/** JSON text with keys sorted at every level: equal values give equal text, whatever order they were written in. */
export function canonicalJson(value: Json): string {
  return stringifyJson(sortKeys(value))
}

function sortKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (!isJsonObject(value)) return value
  const sorted: Record<string, Json | undefined> = Object.create(null)
  for (const key of Object.keys(value).sort()) {
    const item = value[key]
    if (item !== undefined) sorted[key] = sortKeys(item)
  }
  return sorted
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A value as one reads it in a line: text as it is where nothing else could be meant, everything else as JSON. */
export function valueText(value: Json): string {
  if (typeof value !== 'string') return stringifyJson(value)
  return value === '' || /^\s|\s$|^["'[{]|^(?:true|false|null|-?[\d.]+)$/.test(value) ? JSON.stringify(value) : value
}
