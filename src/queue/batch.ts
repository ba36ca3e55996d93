/** Takes one item and gives its own outcome. */
export type Batched<Item, Outcome> = (item: Item) => Promise<Outcome>

interface Asked<Item, Outcome> {
  readonly item: Item
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/**
 * What is asked for in one turn of the event loop goes out as one run of at most `most` items, in order: nobody waits longer, and a crowd
 * shares what one run costs. `run` returns one outcome per item. Where it rejects with an error that `alone` finds to be about some item,
 * every item is run once more by itself, so that it spoils no other.
 */
export function createBatch<Item, Outcome>(
  run: (items: readonly Item[]) => Promise<readonly Outcome[]>,
  { most, alone }: { readonly most: number; readonly alone: (error: unknown) => boolean },
): Batched<Item, Outcome> {
  let asked: Asked<Item, Outcome>[] = []

  const flush = (): void => {
    const all = asked
    asked = []
    for (let from = 0; from < all.length; from += most) void settle(all.slice(from, from + most))
  }

  const settle = async (batch: readonly Asked<Item, Outcome>[]): Promise<void> => {
    try {
      const outcomes = await run(batch.map(({ item }) => item))
      for (const [index, { resolve, reject }] of batch.entries()) {
        const outcome = outcomes[index]
        if (outcome === undefined) reject(new TypeError('a batch has fewer outcomes than items'))
        else resolve(outcome)
      }
    } catch (error) {
      if (batch.length > 1 && alone(error)) for (const one of batch) void settle([one])
      else for (const { reject } of batch) reject(error)
    }
  }

  return async (item) =>
    new Promise((resolve, reject) => {
      asked.push({ item, resolve, reject })
      if (asked.length === 1) setImmediate(flush)
    })
}
