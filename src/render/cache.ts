/** Keeps what was used last, up to a number of bytes. */
export interface Cache<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value, bytes: number): void
}

export function createCache<Value>(limitBytes: number): Cache<Value> {
  // A Map keeps the order of insertion: the first entry is the one that was not used for longest.
  const entries = new Map<string, { readonly value: Value; readonly bytes: number }>()
  let total = 0

  function drop(key: string): void {
    total -= entries.get(key)?.bytes ?? 0
    entries.delete(key)
  }

  return {
    get(key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      entries.set(key, entry)
      return entry.value
    },
    set(key, value, bytes) {
      drop(key)
      if (bytes > limitBytes) return
      entries.set(key, { value, bytes })
      total += bytes
      for (const oldest of entries.keys()) {
        if (total <= limitBytes) break
        drop(oldest)
      }
    },
  }
}
