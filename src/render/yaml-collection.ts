import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'
import { ReadError } from './read-error.ts'

export interface YamlLimits {
  readonly aliasBytes: number
  readonly depth: number
}

/** A node that is complete. */
export interface Built {
  readonly value: Json
  /** The written text of a scalar: what it is as a map key. */
  readonly text?: string
  /** An unquoted `<<`. */
  readonly merge: boolean
  /** Nothing was written at all (`key:`). */
  readonly empty: boolean
  /** Characters and nodes, with aliases written out. */
  readonly weight: number
  /** Levels of maps and lists below and including this one, with aliases written out. */
  readonly height: number
}

/** A map or list that is being read. */
export interface Collection {
  readonly position: number
  add(built: Built, position: number): void
  close(): Built
}

/** `start` is the offset of the collection; `onClose` learns what an anchor on it stands for. */
export function createSequence(start: number, onClose: (built: Built) => void): Collection {
  const items: Json[] = []
  let weight = 1
  let height = 0
  return {
    position: start,
    add(built) {
      items.push(built.value)
      weight += built.weight
      height = Math.max(height, built.height)
    },
    close() {
      const built: Built = { value: items, merge: false, empty: false, weight, height: height + 1 }
      onClose(built)
      return built
    },
  }
}

export function createMapping(start: number, onClose: (built: Built) => void): Collection {
  const entries: Record<string, Json> = {}
  const written = new Set<string>()
  let key: Built | undefined
  let weight = 1
  let height = 0

  // As in kubectl, what stands later wins, also where an explicit key stands before the merge; YAML's merge draft says otherwise.
  function merge(source: Json, position: number): void {
    const sources = Array.isArray(source) ? source.toReversed() : [source]
    for (const item of sources) {
      if (!isJsonObject(item)) throw new ReadError('<< merges only maps', 'Name a map, or a list of maps.', position)
      Object.assign(entries, item)
    }
  }

  function add(built: Built, position: number): void {
    weight += built.weight
    height = Math.max(height, built.height)
    if (key === undefined) {
      if (!built.merge) checkKey(built, written, position)
      key = built
      return
    }
    if (key.merge) merge(built.value, position)
    else entries[key.text ?? ''] = built.value
    key = undefined
  }

  return {
    position: start,
    add,
    close() {
      const built: Built = {
        value: entries as JsonObject,
        merge: false,
        empty: false,
        weight,
        height: height + 1,
      }
      onClose(built)
      return built
    },
  }
}

function checkKey(built: Built, written: Set<string>, position: number): void {
  const key = built.text
  if (key === undefined) throw new ReadError('a key is a map or a list', 'Write keys as text.', position)
  if (built.empty) throw new ReadError('a value has no key', 'Write the key before the colon.', position)
  if (key === '__proto__') throw new ReadError('the key __proto__ is refused', 'Remove the key: no Kubernetes object has it.', position)
  if (written.has(key))
    throw new ReadError(`the key ${JSON.stringify(key.slice(0, 100))} occurs twice in one map`, 'Keep one of them.', position)
  written.add(key)
}
