import type { Application } from './configuration.ts'

/** Whether an application is stopped, as somebody last said it. */
export interface Suspension {
  readonly active: boolean
  readonly by: string
  readonly reason?: string
  /** When it was said, in milliseconds since 1970: the newer word wins. */
  readonly at: number
}

/**
 * What people have said of an application until further notice. Redis passes it on, the inventory in the cluster keeps it: a lost Redis must
 * not set going what was stopped. An end is a word too (`active: false`), or the older word would come back from wherever it still stands.
 */
export interface Standing {
  readonly suspension?: Suspension
}

/** Of two memories the newer word on each matter. */
export function newerStanding(one: Standing, other: Standing): Standing {
  const suspension = newer(one.suspension, other.suspension)
  return { ...(suspension && { suspension }) }
}

function newer<Word extends { readonly at: number }>(one: Word | undefined, other: Word | undefined): Word | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.at > one.at ? other : one
}

/** What was stored, perhaps by another version: what cannot be read is left out. */
export function decodeStanding(value: unknown): Standing {
  const suspension = decodeWord(fieldOf(value, 'suspension'))
  return { ...(suspension && { suspension }) }
}

/** What every word says: whether it holds, who said it, when and why. */
function decodeWord(value: unknown): Suspension | undefined {
  const [active, by, at, reason] = ['active', 'by', 'at', 'reason'].map((name) => fieldOf(value, name))
  if (typeof active !== 'boolean' || typeof by !== 'string' || typeof at !== 'number') return undefined
  return { active, by, at, ...(typeof reason === 'string' && { reason }) }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

/** Why an application is stopped, for people: by its configuration, or by somebody's word. */
export interface Suspended {
  readonly by: string
  readonly reason?: string
  /** Unknown for the configuration: Git says it. */
  readonly at?: number
}

/** Undefined where the application is not stopped. The configuration comes first: no word can set going what it stops. */
export function suspended({ suspend }: Application, { suspension }: Standing): Suspended | undefined {
  if (suspend !== undefined) return { by: 'the configuration', ...suspend }
  if (suspension?.active !== true) return undefined
  const { by, reason, at } = suspension
  return { by, at, ...(reason !== undefined && { reason }) }
}

/** `by ada since 2026-03-04T05:06:07Z: the database is moved`. */
export function displayWord({ by, reason, at }: Suspended): string {
  const since = at === undefined ? '' : ` since ${new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')}`
  return `by ${by}${since}${reason === undefined ? '' : `: ${reason}`}`
}
