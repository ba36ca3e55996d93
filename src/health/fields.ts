import { isJsonObject, type Json } from '../model/json.ts'

/** One entry of `status.conditions`. */
export interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  /** The generation that it is about, where it says so. */
  readonly observedGeneration: number | undefined
}

/** The value at a path of keys; undefined where any of them is missing. */
export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let current = value
  for (const key of path) {
    if (!isJsonObject(current)) return undefined
    current = current[key]
  }
  return current
}

export function textAt(value: Json | undefined, ...path: readonly string[]): string {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : ''
}

export function integerAt(value: Json | undefined, ...path: readonly string[]): number | undefined {
  const found = at(value, ...path)
  if (typeof found === 'bigint') return Number(found)
  return typeof found === 'number' ? found : undefined
}

/** A counter of a status: the API server leaves zeros out. */
export function countAt(value: Json | undefined, ...path: readonly string[]): number {
  return integerAt(value, ...path) ?? 0
}

export function listAt(value: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}

export function conditionsOf(object: Json): readonly Condition[] {
  return listAt(object, 'status', 'conditions').map((condition) => ({
    type: textAt(condition, 'type'),
    status: textAt(condition, 'status'),
    reason: textAt(condition, 'reason'),
    message: textAt(condition, 'message'),
    observedGeneration: integerAt(condition, 'observedGeneration'),
  }))
}

export function conditionOf(object: Json, type: string): Condition | undefined {
  return conditionsOf(object).find((condition) => condition.type === type)
}
