import type { Application, Repository, ServiceAccount } from '../model/configuration.ts'
import type { HealthStatus, ObjectHealth } from '../model/health.ts'
import type { Inventory } from '../model/inventory.ts'
import type { KindCatalog, ResourceKind } from '../model/kinds.ts'
import type { GroupKind, LiveObject, ObjectId, ObjectKey } from '../model/object.ts'
import type { Glimpse, Observation, ObservedObject } from '../model/observation.ts'
import type { DeleteOperation, Operation } from '../model/plan.ts'
import type { RenderInputs, Rendering, Tree } from '../model/tree.ts'
import type { Answers, Questions } from '../plan/questions.ts'

/** Git, as a sync needs it. */
export interface Source {
  /**
   * Fetches the head of a fully qualified ref and opens its tree.
   * Throws GitwakeError: `git-unreachable` (retryable), `ref-not-found`, `git-authentication`, `url-refused`, `git-timeout` (retryable), …
   */
  fetch(repository: Repository, ref: string, signal: AbortSignal): Promise<Tree>
  /** Lists the heads of the given refs in one request. A ref that does not exist is missing from the map. */
  heads(repository: Repository, refs: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>
  /** The branch or tag that points at a commit now, if any does. */
  refAt(repository: Repository, revision: string, signal: AbortSignal): Promise<string | undefined>
  /** A commit by its id, fetched where it is not there any more. Only for one that is known to be of this repository: hosts hand out those of forks, too. */
  commit(repository: Repository, revision: string, signal: AbortSignal): Promise<Tree>
  /** The commits of a ref's history after `from`, up to `to`, newest first. Undefined where its newest 1,000 commits do not contain `from`. */
  between(
    repository: Repository,
    ref: string,
    range: { readonly from: string; readonly to: string },
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined>
  /** A commit that was fetched before, by its id; undefined where it is not there any more. Reaches for no remote. */
  open(repository: Repository, revision: string, signal: AbortSignal): Promise<Tree | undefined>
}

/** Manifests from a tree. */
export interface Renderer {
  /**
   * Finds out what a render of this path reads, without rendering.
   * Throws GitwakeError `path-not-found` (held) where the path does not exist in the commit.
   */
  inputs(tree: Tree, application: Application, signal: AbortSignal): Promise<RenderInputs>
  /** Throws GitwakeError (not retryable) naming file, document and field for whatever is wrong with the manifests. */
  render(tree: Tree, inputs: RenderInputs, signal: AbortSignal): Promise<Rendering>
  /**
   * The file that each object really comes from, by its key as rendered, where the rendering names only the one that gathered it. Renders once
   * more, so it is for what somebody must correct. Throws as `render` does.
   */
  origins(tree: Tree, inputs: RenderInputs, signal: AbortSignal): Promise<ReadonlyMap<ObjectKey, string>>
}

/** The branch's history of heads, so that a lagging mirror never moves a revision backwards. */
export interface Heads {
  /** May this revision be synced now? `named`: a webhook named it as the new head. */
  admit(
    repository: string,
    ref: string,
    revision: string,
    by: { application: string; named: boolean },
  ): Promise<'accepted' | 'left already'>
}

/** The heads that a branch has had. */
export interface HeadsSeen {
  has(repository: string, ref: string, revision: string): Promise<boolean>
}

export type ApplyOperation = Extract<Operation, { verb: 'apply' }>

/** An inventory with the state of its Secrets, for the next compare-and-swap. */
export interface StoredInventory {
  readonly inventory: Inventory
  /** Secret name → resourceVersion. */
  readonly shards: ReadonlyMap<string, string>
}

/** Why a write was refused. `kind` is a class of errors.ts in cluster/. */
export interface Refused {
  readonly ok: false
  readonly class: string
  readonly message: string
  readonly retryable: boolean
}
export type Written =
  | {
      readonly ok: true
      readonly seen: ObservedObject
      readonly warnings: readonly string[]
      /** Fields that were sent and did not stay so. */
      readonly altered?: readonly string[]
    }
  | Refused

/** A live object, and what a write would make of it. */
export interface Compared {
  readonly before: LiveObject
  readonly after: LiveObject
}

/** What a dry-run tells: with both objects where a difference was asked for and there is something to differ from. */
export type Tried = { readonly ok: true; readonly warnings: readonly string[]; readonly compared?: Compared } | Refused
export type Deleted = { readonly ok: true; readonly finalizers: readonly string[] } | Refused

export type Released = { readonly ok: true } | Refused
/** `seen`: the object after the write; undefined where it is gone, or belonged to somebody else. */
export type Relabelled = { readonly ok: true; readonly seen?: ObservedObject } | Refused

export interface WriteOptions {
  readonly signal: AbortSignal
  /** Called right before each request leaves; throws where this worker may not write any more. */
  readonly guard?: () => void
}

/** The right to write for one application. */
export interface Lease {
  /** Throws GitwakeError `lease-lost` where the right is gone or cannot be proven: called before every write. */
  guard(): void
  /** Gives it back at once; never throws. */
  release(): Promise<void>
}

export interface HealthReport {
  readonly status: HealthStatus
  readonly objects: readonly ObjectHealth[]
  readonly ended: 'settled' | 'timeout' | 'superseded'
}

/** What a watch tells of the labelled objects of one kind. `gap`: something may have been missed; `refused`: there is no right to watch. */
export type Noticed =
  | { readonly type: 'changed' | 'deleted'; readonly seen: ObservedObject }
  | { readonly type: 'alive' }
  | { readonly type: 'gap' | 'refused'; readonly reason: string }

export interface CompletionOptions {
  /** Of the object that is meant: another one under its name does not count. Without it, whichever is there. */
  readonly uid?: string
  /** 0 looks once. */
  readonly timeoutMs: number
  /** Asked once a second: true ends the wait. Without it no newer commit does. */
  readonly superseded?: () => Promise<boolean>
  /** Makes what a container wrote fit to be shown; without it no log is read. */
  readonly maskLog?: (text: string) => string
  readonly signal: AbortSignal
}

/** How something that runs once has ended; `running` where the time was over, or a newer commit came. */
export interface CompletionReport {
  readonly status: 'running' | 'succeeded' | 'failed'
  readonly message: string
  /** The last lines of the container that failed, where they may be shown. */
  readonly log?: readonly string[]
}

/** One cluster, as a sync needs it. */
export interface Destination {
  /** The only namespaces that may be looked at and written to; the whole cluster where this is missing. */
  readonly namespaces?: readonly string[]
  /** What the cluster serves; asked anew when `refresh` is set or the last answer is old. */
  catalog(options: { readonly refresh: boolean }, signal: AbortSignal): Promise<KindCatalog>
  readInventory(application: string, signal: AbortSignal): Promise<StoredInventory | undefined>
  readInventories(signal: AbortSignal): Promise<{ readonly inventories: readonly StoredInventory[]; readonly problems: readonly Error[] }>
  writeInventory(inventory: Inventory, previous: StoredInventory | undefined, options: WriteOptions): Promise<StoredInventory>
  /** All objects that carry the label of one application (its ApplySet id). */
  observe(kinds: readonly ResourceKind[], applySet: string, signal: AbortSignal): Promise<Observation>
  /** Shows the objects of every application one by one, perhaps twice, and tells in the end what could not be listed. */
  survey(kinds: readonly ResourceKind[], show: (glimpse: Glimpse) => void, signal: AbortSignal): Promise<Omit<Observation, 'objects'>>
  /** Answers what a plan left open, on top of earlier answers. */
  answer(questions: Questions, earlier: Answers, signal: AbortSignal): Promise<Answers>
  /**
   * `awaitsNamespace`: its namespace comes with the same plan, so only the manifest itself can be judged. `compare` asks for the live object
   * and what it would become, too.
   */
  dryRun(
    operation: ApplyOperation,
    resource: ResourceKind,
    options: { readonly awaitsNamespace: boolean; readonly compare: boolean; readonly signal: AbortSignal },
  ): Promise<Tried>
  apply(operation: ApplyOperation, resource: ResourceKind, options: WriteOptions & { readonly adopting: boolean }): Promise<Written>
  /** Takes our marks from an object that carries them; it stays as it is. */
  release(object: ObjectId, applySet: string, resource: ResourceKind, options: WriteOptions): Promise<Released>
  /**
   * Gives an object from one application (by its ApplySet id) to another; it stays as it is. Nothing happens to one that is not of the first,
   * or that has another uid.
   */
  relabel(
    object: ObjectId,
    change: { readonly from: string; readonly to: string; readonly uid?: string },
    resource: ResourceKind,
    options: WriteOptions,
  ): Promise<Relabelled>
  /** Forgets an application: for when nothing of it is left. Throws GitwakeError `inventory-conflict` (retryable). */
  deleteInventory(stored: StoredInventory, options: WriteOptions): Promise<void>
  delete(object: ObjectId, operation: DeleteOperation, resource: ResourceKind, options: WriteOptions): Promise<Deleted>
  /** Resolves when the CRDs of these names are established, or after `timeoutMs`. */
  waitForDefinitions(names: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<void>
  /** Tells of every change of labelled objects of a kind, in one namespace or ('') in all, from now on, until the signal ends it. */
  follow(kind: ResourceKind, namespace: string, signal: AbortSignal): AsyncIterable<Noticed>
  /** Does a worker hold the Lease of this application right now? */
  isBeingWritten(application: string, signal: AbortSignal): Promise<boolean>
  /** The same of this process alone, without a request. */
  isWriting(application: string): boolean
  /** Waits until an object that runs once (a Job, a Pod) has ended. */
  complete(object: ObjectId, resource: ResourceKind, options: CompletionOptions): Promise<CompletionReport>
  acquireLease(application: string, signal: AbortSignal): Promise<Lease>
  /** Watches objects until they are healthy, one of them failed, the time is over, or a newer commit makes it pointless. 0 ms looks once. */
  health(
    objects: readonly ObjectId[],
    applySet: string,
    options: {
      readonly timeoutMs: number
      readonly signal: AbortSignal
      readonly superseded: () => Promise<boolean>
      /** Makes what a failing container wrote fit to be shown; without it no log is read. */
      readonly maskLog?: (text: string) => string
    },
  ): Promise<HealthReport>
  /** Whether objects of a kind can be anything but healthy while they exist. */
  hasHealth(kind: GroupKind): boolean
  /** Milliseconds since 1970 by the API server's clock. */
  serverTime(): number
  /** The same cluster, where objects are written and tried in the name of a service account. Inventory and Lease stay our own. */
  as(account: ServiceAccount): Destination
}
