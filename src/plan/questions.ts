import type { ObjectId, ObjectKey } from '../model/object.ts'
import type { ObservedObject } from '../model/observation.ts'
import type { DesiredObject } from './desired.ts'

/** What a GET told about an object that no LIST showed. */
export type Found = ObservedObject | 'absent'

/** What a plan needs to know before it is sure. The plan stays pure: somebody else asks, and plans again with the answers. */
export interface Questions {
  /** Does a GET find it? */
  readonly look: readonly { readonly object: ObjectId; readonly version: string }[]
  /** Would an apply of our manifest change the live object? */
  readonly compare: readonly { readonly desired: DesiredObject; readonly seen: ObservedObject }[]
}

export interface Answers {
  readonly found: ReadonlyMap<ObjectKey, Found>
  /** `same`: a dry-run changes nothing. */
  readonly compared: ReadonlyMap<ObjectKey, 'same' | 'different'>
}

export const NO_ANSWERS: Answers = { found: new Map(), compared: new Map() }
