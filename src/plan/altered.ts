import { canonicalJson, isJsonObject, type Json, type JsonObject } from '../model/json.ts'
import { displayName, type Manifest, type ObjectId } from '../model/object.ts'
import { describe, keyOf, memberStep, mergeKey } from './field-path.ts'

/** Enough to see what kind of thing is going on. */
const MOST_FIELDS = 3

/** What the API server alone writes, or what is no wish about the object. */
const SERVERS_OWN = new Set(['status', 'metadata.creationTimestamp', 'metadata.resourceVersion', 'metadata.uid', 'metadata.generation'])

/**
 * The fields that were sent and came back with another value: an admission webhook or policy changed them, and managedFields does not tell.
 * What the API server itself writes in another way (1000m as 1, an empty list as none) is the same value. Pure.
 */
export function alteredFields(sent: Manifest, live: JsonObject): string[] {
  const found: string[] = []
  compareMembers(sent, live, '', found)
  return found
}

/** One sentence about an object whose fields did not stay as they were sent; nothing where all did. */
export function alteredWarning(object: ObjectId, fields: readonly string[]): string[] {
  if (fields.length === 0) return []
  const more = fields.length > MOST_FIELDS ? ` and ${fields.length - MOST_FIELDS} more` : ''
  const named = fields.slice(0, MOST_FIELDS).join(', ')
  return [
    `${displayName(object)}: ${named}${more}: the cluster did not keep what was sent. An admission webhook or policy changed it: declare its value in Git, or leave the field to it (sync.ignore).`,
  ]
}

function compareMembers(sent: JsonObject, live: JsonObject, path: string, found: string[]): void {
  for (const [name, value] of Object.entries(sent)) {
    if (value === live[name]) continue
    const field = `${path}${memberStep(name)}`.replace(/^\./, '')
    if (value !== undefined && !SERVERS_OWN.has(field)) compare(value, live[name], field, found)
  }
}

function compare(sent: Json, live: Json | undefined, field: string, found: string[]): void {
  if (isNothing(sent)) return
  if (isJsonObject(sent)) {
    if (live === undefined || isJsonObject(live)) compareMembers(sent, live ?? {}, field, found)
    else found.push(field)
  } else if (isList(sent) && isList(live)) compareLists(sent, live, field, found)
  else if (live === undefined || !isSame(sent, live)) found.push(field)
}

/** The API server drops what says nothing, and fills in what is left to it: an empty clusterIP, a nodePort of 0. */
function isNothing(value: Json): boolean {
  if (isList(value)) return value.length === 0
  return value === null || value === false || value === 0 || value === ''
}

function compareLists(sent: readonly Json[], live: readonly Json[], field: string, found: string[]): void {
  if (!sent.every(isJsonObject)) {
    // Others may add items of their own; where the items are no objects, only one that is missing is an answer.
    const kept = sent.every((item) => live.some((other) => isSame(item, other)))
    if (!kept) found.push(field)
    return
  }
  const keys = mergeKey(sent, live)
  if (keys === undefined) {
    // Which item is which, nobody knows: only a list of the same length is compared, item by item.
    if (sent.length === live.length) for (const [index, item] of sent.entries()) compare(item, live[index], `${field}[${index}]`, found)
    return
  }
  const items = new Map(live.flatMap((item) => (isJsonObject(item) ? [[keyOf(item, keys), item] as const] : [])))
  for (const item of sent) {
    const place = `${field}[${describe(item, keys)}]`
    const other = items.get(keyOf(item, keys))
    if (other === undefined) found.push(place)
    else compareMembers(item, other, place, found)
  }
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

function isSame(sent: Json, live: Json): boolean {
  if (isJsonObject(sent) || isJsonObject(live) || isList(sent) || isList(live)) return canonicalJson(sent) === canonicalJson(live)
  const [left, right] = [String(sent), String(live)]
  // Base64 in lines comes back in one.
  if (left.replace(/[\r\n]/g, '') === right.replace(/[\r\n]/g, '')) return true
  const [amount, other] = [amountOf(left), amountOf(right)]
  if (amount !== undefined && other !== undefined) return Math.abs(amount - other) <= Math.abs(amount) * 1e-9
  return /^\d{4}-\d\d-\d\dT/.test(left) && Date.parse(left) === Date.parse(right)
}

const FACTORS: Readonly<Record<string, number>> = { '': 1, n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 }
const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

/** A quantity as Kubernetes writes it (`500m`, `1Gi`, `1e3`); undefined for anything else. */
function amountOf(text: string): number | undefined {
  const [, digits, suffix = ''] = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(text) ?? []
  if (digits === undefined) return undefined
  const factor = FACTORS[suffix] ?? 1024 ** (BINARY.indexOf(suffix) + 1)
  return Number(digits) * factor
}
