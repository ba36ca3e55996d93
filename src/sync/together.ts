import type { Applying } from './apply.ts'

/**
 * Writes the objects of one stage side by side. Where one write stops the sync, no further request leaves, and those under way are
 * waited for: nothing may be written once the Lease is given back, and what was written is told.
 */
export async function together<Item, Result>(
  items: readonly Item[],
  applying: Applying,
  write: (item: Item, applying: Applying) => Promise<Result>,
): Promise<readonly Result[]> {
  const stopped: { readonly reason: unknown }[] = []
  const { options } = applying
  const guard = (): void => {
    if (stopped[0] !== undefined) throw stopped[0].reason
    options.guard?.()
  }
  const guarded: Applying = { ...applying, options: { ...options, guard } }
  const ended = await Promise.allSettled(
    items.map((item) =>
      write(item, guarded).catch((reason: unknown) => {
        stopped.push({ reason })
        throw reason
      }),
    ),
  )
  if (stopped[0] !== undefined) throw stopped[0].reason
  return ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
}
