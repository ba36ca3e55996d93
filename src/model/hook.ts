import type { Manifest, ObjectId, ObjectKey } from './object.ts'

/** When a hook runs: around a sync, where one failed, or after the application was deleted with its objects. */
export type HookPhase = 'pre-sync' | 'sync' | 'post-sync' | 'sync-fail' | 'post-delete'

/** When the object of a hook is deleted: before the next one of its name is made, or as soon as it has ended that way. */
export type HookDeletePolicy = 'before-creation' | 'succeeded' | 'failed'

/** `phase group/kind/namespace/name`: one object may be a hook of several phases. */
export type HookKey = string

/** A hook as the inventory tracks it, from before it is made until nothing is left of it. */
export interface HookEntry {
  readonly phase: HookPhase
  readonly object: ObjectId
  readonly version: string
  /** The commit that it was made for. */
  readonly revision: string
  readonly state: 'intended' | 'succeeded' | 'failed'
  /** When it was announced, by the API server's clock (ISO 8601): an object older than that is not ours. */
  readonly since: string
  /** Of the object that was made, as long as it may be there. */
  readonly uid?: string
  /** Of a post-delete hook: Git may be gone when its time comes. */
  readonly manifest?: Manifest
}

export function hookKey(phase: HookPhase, key: ObjectKey): HookKey {
  return `${phase} ${key}`
}
