import { GitwakeError } from '../model/error.ts'
import type { Inventory } from '../model/inventory.ts'
import { isJsonObject, parseJson, type Json } from '../model/json.ts'
import { applySetId, inventoryName } from '../model/names.ts'
import type { StoredInventory, WriteOptions } from '../sync/ports.ts'
import { answerError } from './answer.ts'
import type { ClusterConnection } from './connect.ts'
import { decodeShards, encodeShards } from './inventory-codec.ts'
import { createInventoryNamespace } from './inventory-namespace.ts'
import { METADATA } from './metadata.ts'
import type { ApiResponse } from './request.ts'
import { askTogether } from './together.ts'

const INVENTORY_LABEL = 'gitwake.dev/inventory'
const SHARD_ANNOTATION = 'gitwake.dev/shard'
const CONTENT = 'inventory'

export interface InventoryStore {
  /** The inventory of one application; undefined where there is none. One request, shared by those who ask at the same moment. */
  read(application: string, signal: AbortSignal): Promise<StoredInventory | undefined>
  /** Every inventory of this cluster. One request per page. What cannot be read is told, and does not hide the others. */
  readAll(signal: AbortSignal): Promise<{ readonly inventories: readonly StoredInventory[]; readonly problems: readonly GitwakeError[] }>
  /** Writes it if nobody else did since it was read. Throws GitwakeError `inventory-conflict` (retryable). */
  write(inventory: Inventory, previous: StoredInventory | undefined, options: WriteOptions): Promise<StoredInventory>
  /** Removes it if nobody wrote it since it was read. Throws GitwakeError `inventory-conflict` (retryable). */
  remove(stored: StoredInventory, options: WriteOptions): Promise<void>
}

interface Shard {
  readonly name: string
  readonly application: string
  readonly resourceVersion: string
  readonly isParent: boolean
  readonly content: Buffer
}

/** Inventories as Secrets of one fixed namespace, in the format of an ApplySet parent (KEP-3659), so that kubectl leaves them alone. */
export function createInventoryStore(connection: ClusterConnection, namespace: string, version: string): InventoryStore {
  const collection = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`

  async function list(labelSelector: string, signal: AbortSignal): Promise<Shard[]> {
    const shards: Shard[] = []
    const ask = (next: string | undefined): Promise<ApiResponse> =>
      connection.request({ method: 'GET', path: collection, query: { labelSelector, limit: '500', continue: next }, signal })
    for (let asked = ask(undefined); ;) {
      const answer = await asked
      if (answer.status !== 200) throw answerError(answer, { doing: `reading the inventories in namespace ${namespace}` })
      const page = parseJson(answer.text)
      const next = isJsonObject(page) && isJsonObject(page.metadata) ? page.metadata.continue : undefined
      const isLast = typeof next !== 'string' || next === ''
      // The next page is on its way while this one is looked at.
      if (!isLast) asked = ask(next)
      if (isJsonObject(page) && Array.isArray(page.items)) shards.push(...(page.items as readonly Json[]).flatMap(decodeSecret))
      if (isLast) return shards
    }
  }

  async function put(secret: Json, name: string, resourceVersion: string | undefined, options: WriteOptions): Promise<string> {
    const answer = await connection.request({
      method: resourceVersion === undefined ? 'POST' : 'PUT',
      path: resourceVersion === undefined ? collection : `${collection}/${name}`,
      query: { fieldManager: 'gitwake-inventory' },
      // The answer need not bring back what was just sent.
      accept: METADATA,
      contentType: 'application/json',
      body: JSON.stringify(secret),
      signal: options.signal,
      ...(options.guard && { beforeRequest: options.guard }),
    })
    // Deleted in between is a change like any other.
    if (answer.status === 409 || (answer.status === 404 && resourceVersion !== undefined)) {
      throw conflict(name)
    }
    if (answer.status === 404 && resourceVersion === undefined) {
      await createInventoryNamespace(connection, namespace, options.signal)
      return await put(secret, name, resourceVersion, options)
    }
    if (answer.status !== 200 && answer.status !== 201) throw answerError(answer, { doing: `writing the inventory ${name}` })
    const body = parseJson(answer.text)
    return isJsonObject(body) && isJsonObject(body.metadata) ? String(body.metadata.resourceVersion) : ''
  }

  async function remove(name: string, resourceVersion: string, options: WriteOptions): Promise<void> {
    const answer = await connection.request({
      method: 'DELETE',
      path: `${collection}/${name}`,
      contentType: 'application/json',
      accept: METADATA,
      body: JSON.stringify({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { resourceVersion } }),
      signal: options.signal,
      ...(options.guard && { beforeRequest: options.guard }),
    })
    if (answer.status === 409) throw conflict(name)
    if (answer.status !== 200 && answer.status !== 404) throw answerError(answer, { doing: `deleting the inventory ${name}` })
  }

  return {
    read: askTogether<StoredInventory | undefined>(INVENTORY_LABEL, async (selector, applications, signal) => {
      const byApplication = Map.groupBy(await list(selector, signal), (shard) => shard.application)
      return new Map(applications.map((application) => [application, assembled(application, byApplication.get(application) ?? [])]))
    }),

    async readAll(signal) {
      const byApplication = Map.groupBy(await list(INVENTORY_LABEL, signal), (shard) => shard.application)
      const inventories: StoredInventory[] = []
      const problems: GitwakeError[] = []
      for (const [application, shards] of byApplication) {
        const outcome = assembled(application, shards)
        if ('error' in outcome) problems.push(outcome.error)
        else if (outcome.value !== undefined) inventories.push(outcome.value)
      }
      return { inventories, problems }
    },

    async write(inventory, previous, options) {
      const parent = inventoryName(inventory.application)
      const contents = encodeShards(inventory, Math.max(1, previous?.shards.size ?? 1))
      const shards = new Map(previous?.shards)
      // The highest shard first: when the count doubles, entries move upwards only, so each is written before it is dropped below.
      for (const [index, content] of [...contents.entries()].reverse()) {
        const name = index === 0 ? parent : `${parent}.shard-${index}`
        const secret = encodeSecret({ name, namespace, index, content, inventory, version, resourceVersion: shards.get(name) })
        shards.set(name, await put(secret, name, shards.get(name), options))
      }
      return { inventory, shards }
    },

    async remove({ inventory, shards }, options) {
      // The parent last: while it is there, the rest is found again after a crash.
      const parent = inventoryName(inventory.application)
      for (const [name, resourceVersion] of [...shards].sort(([a], [b]) => Number(a === parent) - Number(b === parent)))
        await remove(name, resourceVersion, options)
    },
  }
}

function conflict(name: string): GitwakeError {
  return new GitwakeError('inventory-conflict', `the inventory ${name} was written by somebody else meanwhile`, {
    fix: 'Nothing to do: it is read and planned again.',
    retryable: true,
  })
}

/** What cannot be read is an outcome of its own application alone. */
function assembled(application: string, shards: readonly Shard[]): { value: StoredInventory | undefined } | { error: GitwakeError } {
  try {
    return { value: assemble(application, shards) }
  } catch (error) {
    if (error instanceof GitwakeError) return { error }
    throw error
  }
}

function assemble(application: string, shards: readonly Shard[]): StoredInventory | undefined {
  // Without its parent an inventory counts as deleted: no prune until one clean sync has written it again.
  if (!shards.some(({ isParent }) => isParent)) return undefined
  return {
    inventory: decodeShards(
      application,
      shards.map(({ content }) => content),
    ),
    shards: new Map(shards.map(({ name, resourceVersion }) => [name, resourceVersion])),
  }
}

function decodeSecret(secret: Json): Shard[] {
  if (!isJsonObject(secret) || !isJsonObject(secret.metadata) || !isJsonObject(secret.metadata.labels)) return []
  const { name, resourceVersion, labels } = secret.metadata
  const application = labels[INVENTORY_LABEL]
  const content = isJsonObject(secret.data) ? secret.data[CONTENT] : undefined
  if (typeof name !== 'string' || typeof resourceVersion !== 'string' || typeof application !== 'string') return []
  const bytes = Buffer.from(typeof content === 'string' ? content : '', 'base64')
  return [{ name, application, resourceVersion, isParent: name === inventoryName(application), content: bytes }]
}

function encodeSecret(facts: {
  readonly name: string
  readonly namespace: string
  readonly index: number
  readonly content: Buffer
  readonly inventory: Inventory
  readonly version: string
  readonly resourceVersion: string | undefined
}): Json {
  const { inventory, index, name, namespace } = facts
  const isParent = index === 0
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'gitwake.dev/inventory',
    metadata: {
      name,
      namespace,
      ...(facts.resourceVersion !== undefined && { resourceVersion: facts.resourceVersion }),
      labels: {
        [INVENTORY_LABEL]: inventory.application,
        // Only the parent is an ApplySet: further shards carry our own label alone.
        ...(isParent && { 'applyset.kubernetes.io/id': applySetId(inventory.application, namespace) }),
      },
      annotations: isParent ? applySetAnnotations(inventory, namespace, facts.version) : { [SHARD_ANNOTATION]: String(index) },
    },
    data: { [CONTENT]: facts.content.toString('base64') },
  }
}

function applySetAnnotations({ entries }: Inventory, namespace: string, version: string): Record<string, string> {
  const objects = [...entries.values()].map(({ object }) => object)
  const kinds = new Set(objects.map(({ kind, group }) => (group === '' ? kind : `${kind}.${group}`)))
  const namespaces = new Set(objects.map((object) => object.namespace).filter((name) => name !== '' && name !== namespace))
  return {
    'applyset.kubernetes.io/tooling': `gitwake/v${version}`,
    'applyset.kubernetes.io/contains-group-kinds': [...kinds].sort().join(','),
    'applyset.kubernetes.io/additional-namespaces': [...namespaces].sort().join(','),
  }
}
