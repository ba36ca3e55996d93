import type { Application } from './configuration.ts'

/** Whether an application is stopped, as somebody last said it. */
export interface Suspension {
  readonly active: boolean
  readonly by: string
  readonly reason?: string
  /** When it was said, in milliseconds since 1970: the newer word wins. */
  readonly at: number
}

/** A rollback: the application stays at an earlier revision. */
export interface Pin extends Suspension {
  readonly revision: string
  /** The commits that it was rolled back from, newest first: while one of them is the head, the pin holds. */
  readonly bad: readonly string[]
  /** A worker has looked that the branch had the revision, and which commits lie between. */
  readonly settled: boolean
  /** Digest of all that the newest bad commit brings for the application: another commit with the same is as bad. */
  readonly inputs?: string
}

/**
 * What people have said of an application until further notice. Redis passes it on, the inventory in the cluster keeps it: a lost Redis must
 * not set going what was stopped. An end is a word too (`active: false`), or the older word would come back from wherever it still stands.
 */
export interface Standing {
  readonly suspension?: Suspension
  readonly pin?: Pin
}

/** Of two memories the newer word on each matter. */
export function newerStanding(one: Standing, other: Standing): Standing {
  const suspension = newer(one.suspension, other.suspension)
  const pin = newerPin(one.pin, other.pin)
  return { ...(suspension && { suspension }), ...(pin && { pin }) }
}

function newer<Word extends { readonly at: number }>(one: Word | undefined, other: Word | undefined): Word | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.at > one.at ? other : one
}

/** Of one and the same word, the copy that knows more: what a worker has found out since is added to it. */
function newerPin(one: Pin | undefined, other: Pin | undefined): Pin | undefined {
  if (one === undefined || one.at !== other?.at) return newer(one, other)
  const known = ({ settled, bad }: Pin): number => (settled ? 1 + bad.length : 0)
  return known(other) > known(one) ? other : one
}

/** What was stored, perhaps by another version: what cannot be read is left out. */
export function decodeStanding(value: unknown): Standing {
  const suspension = decodeWord(fieldOf(value, 'suspension'))
  const pin = decodePin(fieldOf(value, 'pin'))
  return { ...(suspension && { suspension }), ...(pin && { pin }) }
}

function decodePin(value: unknown): Pin | undefined {
  const word = decodeWord(value)
  const [revision, bad, settled, inputs] = ['revision', 'bad', 'settled', 'inputs'].map((name) => fieldOf(value, name))
  if (word === undefined || typeof revision !== 'string' || !Array.isArray(bad)) return undefined
  const revisions = bad.filter((one) => typeof one === 'string')
  return { ...word, revision, bad: revisions, settled: settled === true, ...(typeof inputs === 'string' && { inputs }) }
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

/** Where an application was rolled back to, for people. */
export interface Pinned extends Suspended {
  readonly revision: string
  /** The newest of the commits that it was rolled back from. */
  readonly bad?: string
}

/** Undefined where it follows its branch. */
export function pinned({ pin }: Standing): Pinned | undefined {
  if (pin?.active !== true) return undefined
  const { revision, bad, by, reason, at } = pin
  return { revision, ...(bad[0] !== undefined && { bad: bad[0] }), by, at, ...(reason !== undefined && { reason }) }
}

/** `by ada since 2026-03-04T05:06:07Z: the database is moved`. */
export function displayWord({ by, reason, at }: Suspended): string {
  const since = at === undefined ? '' : ` since ${new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')}`
  return `by ${by}${since}${reason === undefined ? '' : `: ${reason}`}`
}

/** `to 3f9a1c2b4d5e by ada since 2026-03-04T05:06:07Z: checkout fails (bad: 9be01d2733a4)`. */
export function displayPin(pin: Pinned): string {
  return `to ${pin.revision.slice(0, 12)} ${displayWord(pin)}${pin.bad === undefined ? '' : ` (bad: ${pin.bad.slice(0, 12)})`}`
}
