import type { WriteOptions } from './ports.ts'

/**
 * Writes the objects of one stage side by side. Where one write stops the sync, no further request leaves, and those under way are
 * waited for: nothing may be written once the Lease is given back, and what was written is told.
 */
export async function together<Item, Context extends { readonly options: WriteOptions }, Result>(
  items: readonly Item[],
  context: Context,
  write: (item: Item, context: Context) => Promise<Result>,
): Promise<readonly Result[]> {
  const stopped: { readonly reason: unknown }[] = []
  const { options } = context
  const guard = (): void => {
    if (stopped[0] !== undefined) throw stopped[0].reason
    options.guard?.()
  }
  const guarded: Context = { ...context, options: { ...options, guard } }
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
