/** Room for so many at once, and for so many of them from one source: whoever sends many takes the room of others only so far. */
export interface Places {
  /** How to leave again; undefined where there is no room. */
  take(source: string): (() => void) | undefined
}

export function createPlaces({ most, mostOfOne }: { readonly most: number; readonly mostOfOne: number }): Places {
  const taken = new Map<string, number>()
  let all = 0

  const leave = (source: string): void => {
    all -= 1
    const left = (taken.get(source) ?? 1) - 1
    if (left > 0) taken.set(source, left)
    else taken.delete(source)
  }

  return {
    take(source) {
      const own = taken.get(source) ?? 0
      if (all >= most || own >= mostOfOne) return undefined
      all += 1
      taken.set(source, own + 1)
      return () => leave(source)
    },
  }
}
