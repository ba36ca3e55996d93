/** How much of everybody's bodies may be in memory at once. All sizes in bytes. */
export interface Budget {
  /** Takes `bytes` more for a body that then has `total`; false where they are not to be had. */
  reserve(bytes: number, total: number): boolean
  release(bytes: number, total: number): void
}

/**
 * A budget with two lanes: a body beyond `largeBytes` is large, and large bodies may have three quarters of the whole, so that
 * a flood of 25 MiB bodies cannot keep out the pushes of 6 KB that matter.
 */
export function createBudget({ budgetBytes, largeBytes }: { readonly budgetBytes: number; readonly largeBytes: number }): Budget {
  const largeBudget = budgetBytes * 0.75
  let used = 0
  let usedByLarge = 0
  return {
    reserve(bytes, total) {
      // A body that has just become large brings what it already holds into the lane.
      const large = total <= largeBytes ? 0 : total - bytes <= largeBytes ? total : bytes
      if (used + bytes > budgetBytes || (large > 0 && usedByLarge + large > largeBudget)) return false
      used += bytes
      usedByLarge += large
      return true
    },
    release(bytes, total) {
      used -= bytes
      if (total > largeBytes) usedByLarge -= total
    },
  }
}
