import type { SyncResult } from '../model/result.ts'

/**
 * Pure: whether a result of `rendered` answers who waits for `revision`: it is that, or a head that the branch had after it. `heads` are those
 * of the branch, newest first. What was never seen as a head may yet come: its webhook and the caller race each other.
 */
export function standsFor(rendered: string | undefined, revision: string, heads: readonly string[]): boolean {
  if (rendered === undefined || rendered === revision) return rendered !== undefined
  const [newer, older] = [heads.indexOf(rendered), heads.indexOf(revision)]
  return newer !== -1 && newer < older
}

/** Whether waiting on is in vain, whatever was rendered: the application is stopped or rolled back, or there is nothing to render. */
export function isLastWord({ outcome, revision, head }: SyncResult): boolean {
  return outcome === 'suspended' || revision === undefined || head !== undefined
}
