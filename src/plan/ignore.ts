import type { IgnoreRule } from '../model/configuration.ts'
import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import type { Manifest, ObjectId } from '../model/object.ts'
import { isOurs, unionFields, type ManagedFields, type ObservedObject } from '../model/observation.ts'
import { itemOfKey, matches } from './drift.ts'

/** The rules that speak of an object. */
export function rulesFor({ group, kind, namespace, name }: ObjectId, rules: readonly IgnoreRule[]): readonly IgnoreRule[] {
  return rules.filter(
    (rule) =>
      (rule.group === undefined || rule.group === group) &&
      (rule.kind === undefined || rule.kind === kind) &&
      isLike(rule.namespace, namespace) &&
      isLike(rule.name, name),
  )
}

/** `*` stands for any text, `?` for one character. */
function isLike(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined) return true
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's').test(text)
}

/**
 * A manifest without the ignored fields that somebody else holds on the live object: what is no longer sent stays as its holder has it.
 * A field that we alone hold is sent on, because server-side apply would remove it. One that nobody holds any more was removed by somebody:
 * it is sent again only where the object is new to us or Git has changed (`isNew`).
 */
export function withoutIgnored(manifest: Manifest, seen: ObservedObject, rules: readonly IgnoreRule[], isNew: boolean): Manifest {
  if (rules.length === 0) return manifest
  const ours = seen.managedFields.find(isOurs)?.fields
  const stripped = rules.reduce<JsonObject>((rest, rule) => {
    const theirs = seen.managedFields.filter((entry) => speaksOf(rule, entry)).map(({ fields }) => fields)
    const keepMissing = isNew || rule.managers.length > 0
    const kept = strip(
      rest,
      openOf(rule),
      theirs.reduce<JsonObject | undefined>((a, b) => (a ? unionFields(a, b) : b), undefined),
      ours,
      keepMissing,
    )
    return isJsonObject(kept) ? kept : rest
  }, manifest)
  return { ...stripped, ...identityOf(manifest, stripped.metadata) }
}

/** The part of somebody's fields that rules leave to them, whatever is taken over from them otherwise. */
export function ignoredPart(entry: ManagedFields, manifest: Manifest, rules: readonly IgnoreRule[]): JsonObject {
  return rules
    .filter((rule) => speaksOf(rule, entry))
    .map((rule) => select(entry.fields, manifest, openOf(rule)) ?? {})
    .reduce(unionFields, {})
}

/** Fields without some of them; members that are empty then go, too. */
export function withoutFields(fields: JsonObject, some: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, inside]): [string, Json | undefined][] => {
      const gone = some[key]
      if (gone === undefined || !isJsonObject(gone) || !isJsonObject(inside)) return [[key, inside]]
      if (isWhole(gone)) return []
      const rest = withoutFields(inside, gone)
      return Object.keys(rest).some((name) => name !== '.') ? [[key, rest]] : []
    }),
  )
}

/** An object as it would be seen if what rules leave to others were held by managers that nobody knows. */
export function ignoredApart(seen: ObservedObject, manifest: Manifest, rules: readonly IgnoreRule[]): ObservedObject {
  if (rules.length === 0) return seen
  const managedFields = seen.managedFields.flatMap((entry) => {
    const ignored = ignoredPart(entry, manifest, rules)
    if (isWhole(ignored)) return [entry]
    return [
      { ...entry, fields: withoutFields(entry.fields, ignored) },
      { ...entry, manager: '', fields: ignored },
    ]
  })
  return { ...seen, managedFields }
}

function speaksOf({ managers }: IgnoreRule, entry: ManagedFields): boolean {
  if (isOurs(entry) || entry.subresource === 'status') return false
  return managers.length === 0 || managers.some((pattern) => isLike(pattern, entry.manager))
}

/** What is left to go of the paths of a rule; an empty one has arrived, and everything from there on is meant. */
type Open = readonly (readonly string[])[]

function openOf({ fields }: IgnoreRule): Open {
  return fields.length === 0 ? [[]] : fields
}

function hasArrived(open: Open): boolean {
  return open.some((steps) => steps.length === 0)
}

function into(open: Open, isStep: (step: string) => boolean): Open {
  if (hasArrived(open)) return open
  return open.flatMap(([first, ...rest]) => (first !== undefined && isStep(first) ? [rest] : []))
}

/** FieldsV1 `{}`: owned as a whole, a scalar or an atomic list or map. */
function isWhole(fields: Json | undefined): boolean {
  return isJsonObject(fields) && Object.keys(fields).length === 0
}

function strip(value: Json, open: Open, theirs: Json | undefined, ours: Json | undefined, keepMissing: boolean): Json | undefined {
  if (open.length === 0) return value
  const hasParts = typeof value === 'object' && value !== null && Object.keys(value).length > 0
  const isOneForUs = isWhole(ours) || !hasParts
  // What the other holds as one cannot be shared: all of it is left to them, even where the rule means a part. (A map that is ours in
  // parts can be: there the other has merely set an empty one.)
  if (isWhole(theirs) && (isOneForUs || ours === undefined)) return undefined
  if (isOneForUs) {
    if (theirs !== undefined && hasArrived(open)) return undefined
    return hasArrived(open) && ours === undefined && !keepMissing ? undefined : value
  }
  const rest = Array.isArray(value)
    ? stripItems(value, open, theirs, ours, keepMissing)
    : stripMembers(value as JsonObject, open, theirs, ours, keepMissing)
  return hasArrived(open) && Object.keys(rest).length === 0 ? undefined : rest
}

function stripMembers(value: JsonObject, open: Open, theirs: Json | undefined, ours: Json | undefined, keepMissing: boolean): JsonObject {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]): [string, Json][] => {
      if (item === undefined) return []
      const inside = into(open, (step) => step === name || step === '*')
      const kept = strip(item, inside, member(theirs, `f:${name}`), member(ours, `f:${name}`), keepMissing)
      return kept === undefined ? [] : [[name, kept]]
    }),
  )
}

function stripItems(items: readonly Json[], open: Open, theirs: Json | undefined, ours: Json | undefined, keepMissing: boolean): Json[] {
  return items.flatMap((item, index) => {
    const inside = into(open, (step) => step === String(index) || names(step, item))
    if (inside.length === 0) return [item]
    const key = keyFor(theirs, item) ?? keyFor(ours, item)
    const kept = strip(item, inside, member(theirs, keyFor(theirs, item)), member(ours, keyFor(ours, item)), keepMissing)
    if (!isJsonObject(item) || (kept !== undefined && !isJsonObject(kept))) return kept === undefined ? [] : [kept]
    // What tells the item apart is sent as long as anything else of it is.
    const identity = key === undefined ? {} : membersOf(item, itemOfKey(key))
    const isMore = Object.keys(kept ?? {}).some((name) => !Object.hasOwn(identity, name))
    return isMore || !hasArrived(inside) ? [{ ...kept, ...identity }] : []
  })
}

function membersOf(item: JsonObject, key: Json): JsonObject {
  return Object.fromEntries(Object.entries(item).filter(([name]) => isJsonObject(key) && Object.hasOwn(key, name)))
}

function member(fields: Json | undefined, key: string | undefined): Json | undefined {
  return key !== undefined && isJsonObject(fields) ? fields[key] : undefined
}

function keyFor(fields: Json | undefined, item: Json): string | undefined {
  return isJsonObject(fields) ? Object.keys(fields).find((key) => matches(key, item)) : undefined
}

/** Does a step of a path name this item of a list: `*`, `[name=api]`, `[name=dns,protocol=UDP]`, `[ReadWriteOnce]`? */
function names(step: string, item: Json): boolean {
  if (step === '*') return true
  const [, content] = /^\[(.*)\]$/s.exec(step) ?? []
  if (content === undefined) return false
  if (!isJsonObject(item)) return String(item) === content
  return content.split(',').every((pair) => {
    const [name = '', ...value] = pair.split('=')
    return item[name] !== undefined && String(item[name]) === value.join('=')
  })
}

/** The part of FieldsV1 that lies on the paths. A number names an item by its place in the manifest of Git. */
function select(fields: JsonObject, value: Json | undefined, open: Open): JsonObject | undefined {
  if (hasArrived(open)) return fields
  if (isWhole(fields)) return open.length === 0 ? undefined : fields
  const chosen = Object.entries(fields).flatMap(([key, inside]): [string, Json][] => {
    if (key === '.' || !isJsonObject(inside)) return []
    const part = select(
      inside,
      declaredAt(key, value),
      into(open, (step) => isStep(step, key, value)),
    )
    return part === undefined ? [] : [[key, part]]
  })
  return chosen.length === 0 ? undefined : Object.fromEntries(chosen)
}

function isStep(step: string, key: string, value: Json | undefined): boolean {
  if (key.startsWith('f:')) return step === '*' || key === `f:${step}`
  const item: Json | undefined = Array.isArray(value) && /^\d+$/.test(step) ? (value as readonly Json[])[Number(step)] : undefined
  return names(step, itemOfKey(key)) || (item !== undefined && matches(key, item))
}

function declaredAt(key: string, value: Json | undefined): Json | undefined {
  if (key.startsWith('f:')) return isJsonObject(value) ? value[key.slice(2)] : undefined
  return Array.isArray(value) ? value.find((item: Json) => matches(key, item)) : undefined
}

/** What says which object it is, and whose, is never left to anybody. */
function identityOf({ apiVersion, kind, metadata }: Manifest, rest: Json | undefined): Manifest {
  const { name, namespace, labels } = metadata
  const kept = isJsonObject(rest) ? rest : {}
  const owner = labels?.[PART_OF_LABEL]
  const keptLabels = isJsonObject(kept.labels) ? kept.labels : {}
  return {
    apiVersion,
    kind,
    metadata: {
      ...(kept as Partial<Manifest['metadata']>),
      name,
      ...(namespace !== undefined && { namespace }),
      ...(owner !== undefined && { labels: { ...(keptLabels as Readonly<Record<string, string>>), [PART_OF_LABEL]: owner } }),
    },
  }
}
