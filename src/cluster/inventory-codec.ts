import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { GitwakeError } from '../model/error.ts'
import { hookKey, type HookEntry, type HookPhase } from '../model/hook.ts'
import type { Inventory, InventoryEntry } from '../model/inventory.ts'
import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'
import { objectKey, type Manifest, type ObjectId, type ObjectKey } from '../model/object.ts'
import { decodeStanding } from '../model/standing.ts'

/** Rises when an older gitwake could not read what a newer one wrote. */
const SCHEMA = 1
/** A Secret holds 1 MiB; half of it leaves room for base64 and for growth between two writes. */
export const SHARD_LIMIT = 512 * 1024
/** 64 MiB unpacked are ~200,000 entries: more is not an inventory but a bomb. */
const MOST_BYTES = 64 * 1024 * 1024

/** One shard's content: gzipped JSON. The header stands in every shard; entries are spread by their key. */
export function encodeShards(inventory: Inventory, atLeast: number): Buffer[] {
  for (let count = atLeast; ; count *= 2) {
    const shards = Array.from({ length: count }, (_, index) => encodeShard(inventory, index, count))
    if (shards.every((shard) => shard.length <= SHARD_LIMIT)) return shards
  }
}

function encodeShard(inventory: Inventory, index: number, count: number): Buffer {
  const { entries, hooks, ...header } = inventory
  const mine = [...entries].filter(([key]) => shardOf(key, count) === index).map(([, entry]) => entry)
  // There are few of them: the parent has them all.
  const own = index === 0 && hooks !== undefined ? { hooks: [...hooks.values()] } : {}
  return pack(Buffer.from(JSON.stringify({ schema: SCHEMA, shards: count, ...header, ...own, entries: mine })))
}

/** The memory of a compressor is set up and cleared each time: its usual 268 KB take longer than most inventories, which a small one packs as well. */
function pack(content: Buffer): Buffer {
  return content.length > 16 * 1024 ? gzipSync(content) : gzipSync(content, { windowBits: 14, memLevel: 6, chunkSize: 4 * 1024 })
}

function shardOf(key: ObjectKey, count: number): number {
  return count === 1 ? 0 : createHash('sha256').update(key).digest().readUInt32BE(0) % count
}

/**
 * Puts shards together again. After a crash between two shards they differ in epoch: the union is taken, and for an entry that
 * stands in two of them the newer one, so that nothing that was ever announced is forgotten.
 */
export function decodeShards(application: string, shards: readonly Buffer[]): Inventory {
  const parts = shards.map((shard) => decodeShard(application, shard)).sort((a, b) => a.epoch - b.epoch)
  const newest = parts.at(-1)
  if (newest === undefined) throw unreadable(application, 'it has no content')
  const hooks = new Map(parts.flatMap((part) => [...(part.hooks ?? [])]))
  return { ...newest, entries: new Map(parts.flatMap((part) => [...part.entries])), ...(hooks.size > 0 && { hooks }) }
}

function decodeShard(application: string, bytes: Buffer): Inventory {
  const content = unpack(application, bytes)
  if (!isJsonObject(content)) throw unreadable(application, 'it is not an object')
  if (typeof content.schema === 'number' && content.schema > SCHEMA) {
    throw new GitwakeError(
      'inventory-too-new',
      `the inventory of ${application} was written by a newer gitwake (schema ${content.schema})`,
      {
        fix: 'Upgrade this worker.',
      },
    )
  }
  const entries = listOf(content.entries).flatMap((entry) => decodeEntry(entry))
  return {
    application,
    install: text(content, 'install') ?? '',
    epoch: typeof content.epoch === 'number' ? content.epoch : 0,
    revision: text(content, 'revision'),
    inputs: text(content, 'inputs'),
    rendered: text(content, 'rendered'),
    appliedAt: text(content, 'appliedAt'),
    ...(typeof content.writtenAt === 'string' && { writtenAt: content.writtenAt }),
    ...decodeDeletion(content),
    ...(content.standing !== undefined && { standing: decodeStanding(content.standing) }),
    entries: new Map(entries.map((entry) => [objectKey(entry.object), entry])),
    hooks: new Map(
      listOf(content.hooks)
        .flatMap(decodeHook)
        .map((hook) => [hookKey(hook.phase, objectKey(hook.object)), hook]),
    ),
  }
}

function decodeDeletion(content: JsonObject): Pick<Inventory, 'cluster' | 'deletion'> {
  const cluster = text(content, 'cluster')
  const { policy, budget, account } = isJsonObject(content.deletion) ? content.deletion : {}
  const { namespace, name } = isJsonObject(account) ? account : {}
  const { objects, percent } = isJsonObject(budget) ? budget : {}
  return {
    ...(cluster !== undefined && { cluster }),
    ...(isJsonObject(content.deletion) && {
      deletion: {
        policy: policy === 'prune' ? 'prune' : 'orphan',
        ...(budget === 'unlimited' && { budget: 'unlimited' }),
        ...(typeof namespace === 'string' && typeof name === 'string' && { account: { namespace, name } }),
        ...(typeof objects === 'number' && typeof percent === 'number' && { budget: { objects, percent } }),
      },
    }),
  }
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : []
}

/** Bytes: what gzip's trailer says, if that is reasonable. Node takes 16 KiB for each call, and most inventories are a tenth of it. */
function chunkFor(bytes: Buffer): number {
  const told = bytes.length < 8 ? 0 : bytes.readUInt32LE(bytes.length - 4)
  return Math.min(Math.max(told + 64, 1024), 1024 * 1024)
}

function unpack(application: string, bytes: Buffer): Json {
  try {
    return JSON.parse(gunzipSync(bytes, { maxOutputLength: MOST_BYTES, chunkSize: chunkFor(bytes) }).toString('utf8')) as Json
  } catch (cause) {
    throw unreadable(application, cause instanceof Error ? cause.message : String(cause))
  }
}

function decodeObject(object: Json | undefined): ObjectId | undefined {
  if (!isJsonObject(object)) return undefined
  const { group, kind, namespace, name } = object
  if (typeof group !== 'string' || typeof kind !== 'string' || typeof namespace !== 'string' || typeof name !== 'string') return undefined
  return { group, kind, namespace, name }
}

function decodeEntry(entry: Json): InventoryEntry[] {
  const object = isJsonObject(entry) ? decodeObject(entry.object) : undefined
  if (!isJsonObject(entry) || object === undefined) return []
  const version = text(entry, 'version') ?? ''
  if (entry.status === 'intended') {
    const [replaces, missedAt] = [text(entry, 'replaces'), text(entry, 'missedAt')]
    const since = text(entry, 'since') ?? ''
    return [
      {
        status: 'intended',
        object,
        version,
        since,
        ...(replaces !== undefined && { replaces }),
        ...(missedAt !== undefined && { missedAt }),
      },
    ]
  }
  const [uid, sent, fields, resourceVersion] = [
    text(entry, 'uid'),
    text(entry, 'sent'),
    text(entry, 'fields'),
    text(entry, 'resourceVersion'),
  ]
  if (uid === undefined || sent === undefined || fields === undefined || resourceVersion === undefined) return []
  const generation = typeof entry.generation === 'number' ? { generation: entry.generation } : {}
  const definition = text(entry, 'definition')
  return [
    {
      status: 'owned',
      object,
      version,
      uid,
      sent,
      fields,
      resourceVersion,
      ...generation,
      ...(definition !== undefined && { definition }),
    },
  ]
}

const HOOK_PHASES: readonly HookPhase[] = ['pre-sync', 'sync', 'post-sync', 'sync-fail', 'post-delete']
const HOOK_STATES: readonly HookEntry['state'][] = ['intended', 'succeeded', 'failed']

function decodeHook(entry: Json): HookEntry[] {
  const object = isJsonObject(entry) ? decodeObject(entry.object) : undefined
  if (!isJsonObject(entry) || object === undefined) return []
  const phase = HOOK_PHASES.find((one) => one === entry.phase)
  const state = HOOK_STATES.find((one) => one === entry.state)
  const [version, revision, since, uid] = [text(entry, 'version'), text(entry, 'revision'), text(entry, 'since'), text(entry, 'uid')]
  if (phase === undefined || state === undefined || version === undefined || revision === undefined || since === undefined) return []
  // Written by us, from a manifest that was checked when it was rendered.
  const manifest = isJsonObject(entry.manifest) ? { manifest: entry.manifest as unknown as Manifest } : {}
  return [{ phase, object, version, revision, state, since, ...(uid !== undefined && { uid }), ...manifest }]
}

function text(object: JsonObject, key: string): string | undefined {
  const value = object[key]
  return typeof value === 'string' ? value : undefined
}

function unreadable(application: string, why: string): GitwakeError {
  return new GitwakeError('inventory-unreadable', `the inventory of ${application} cannot be read: ${why}`, {
    fix: `Restore Secret gitwake-${application} in the inventory namespace from a backup, or delete it: objects are then adopted again and nothing is pruned.`,
  })
}
