import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'

/** By which members the items of a list are told apart, as the schemas of Kubernetes have it; the first that fits counts. */
const MERGE_KEYS: readonly (readonly string[])[] = [
  ['name'],
  ['containerPort'],
  ['containerPort', 'protocol'],
  ['port'],
  ['port', 'protocol'],
  ['key'],
  ['type'],
  ['mountPath'],
  ['devicePath'],
  ['topologyKey'],
  ['ip'],
  ['uid'],
]

/** A member of an object as it stands in a path: `.replicas`, `[example.com/owner]`. */
export function memberStep(name: string): string {
  return /[.[\]/\s]/.test(name) || name === '' ? `[${name}]` : `.${name}`
}

/** An item of a list as it stands in a path: `[name=api]`, `[ReadOnly]`. */
export function itemStep(item: Json): string {
  if (!isJsonObject(item)) return `[${String(item)}]`
  const keys = MERGE_KEYS.find((names) => keyOf(item, names) !== undefined)
  return keys === undefined ? '[…]' : `[${describe(item, keys)}]`
}

/** The members by which the objects of these lists are told apart, within each list; undefined for a list that has an order only. */
export function mergeKey(...lists: readonly (readonly Json[])[]): readonly string[] | undefined {
  return MERGE_KEYS.find((names) =>
    lists.every((items) => {
      const keys = items.map((item) => (isJsonObject(item) ? keyOf(item, names) : undefined))
      return !keys.includes(undefined) && new Set(keys).size === keys.length
    }),
  )
}

/** `name=api`, `port=53,protocol=UDP`. */
export function describe(item: JsonObject, names: readonly string[]): string {
  return names.map((name) => `${name}=${String(item[name] ?? '')}`).join(',')
}

/** A value that names the item within its list; undefined where a member is missing. */
export function keyOf(item: JsonObject, names: readonly string[]): string | undefined {
  const values = names.map((name) => item[name])
  return values.every((value) => typeof value === 'string' || typeof value === 'number') ? JSON.stringify(values) : undefined
}
