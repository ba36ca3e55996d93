import type { PruneBudget, ServiceAccount } from './configuration.ts'
import type { DeletionPolicy } from './departure.ts'
import type { HookEntry, HookKey } from './hook.ts'
import type { ObjectId, ObjectKey } from './object.ts'
import type { Standing } from './standing.ts'

/** Announced before the first write, so that a crash orphans nothing; its object may not exist. */
export interface IntendedEntry {
  readonly status: 'intended'
  readonly object: ObjectId
  readonly version: string
  /** When the inventory was widened, by the API server's clock (ISO 8601): an object older than that is not ours. */
  readonly since: string
  /** The uid of the object whose place it takes: until that one is deleted, it is ours as before. */
  readonly replaces?: string
  /** When it was first looked for in vain once Git wanted it no more (ISO 8601, by the API server's clock): it may still be on its way there. */
  readonly missedAt?: string
}

/** An object that we wrote, as it was after our last write. */
export interface OwnedEntry {
  readonly status: 'owned'
  readonly object: ObjectId
  /** The API version it was applied in. */
  readonly version: string
  readonly uid: string
  /** sha256 of the canonical manifest that was sent. */
  readonly sent: string
  /** sha256 of our managedFields entry. */
  readonly fields: string
  /** `metadata.generation` after our last write; kinds without one have only a resourceVersion. */
  readonly generation?: number
  readonly resourceVersion: string
  /** State of its CustomResourceDefinition then: a schema that changes may change what the object carries, without a trace on it. */
  readonly definition?: string
}

export type InventoryEntry = IntendedEntry | OwnedEntry

/** What an application owns in a cluster, kept in that cluster. */
export interface Inventory {
  readonly application: string
  /** Which gitwake installation wrote it: two installs on one application refuse each other. */
  readonly install: string
  /** Rises with every write. */
  readonly epoch: number
  /** The last revision whose objects were applied completely; undefined before the first. */
  readonly revision: string | undefined
  /** Digest of everything the render read and of the settings that shape it. */
  readonly inputs: string | undefined
  /** Digest of the rendered objects. */
  readonly rendered: string | undefined
  /** ISO 8601, when `revision` was applied. */
  readonly appliedAt: string | undefined
  /** ISO 8601, by the API server's clock: when it was written after a complete run. What we applied later than that it cannot know. */
  readonly writtenAt?: string
  /** The cluster, as the configuration names it, from which it was written last: two names may stand for one cluster. */
  readonly cluster?: string
  /** What the configuration wants to become of the objects once it has the application no more. */
  readonly deletion?: {
    readonly policy: DeletionPolicy
    readonly budget?: PruneBudget
    /** By whose rights it is written, where not the worker's. */
    readonly account?: ServiceAccount
  }
  /** What people have said of the application until further notice. */
  readonly standing?: Standing
  readonly entries: ReadonlyMap<ObjectKey, InventoryEntry>
  /** Hooks are no part of what is kept in line with Git, but what they leave behind is. */
  readonly hooks?: ReadonlyMap<HookKey, HookEntry>
}
