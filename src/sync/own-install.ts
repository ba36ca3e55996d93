import { GitwakeError } from '../model/error.ts'
import type { Inventory } from '../model/inventory.ts'

/** Two installations never write one application. */
export function requireOwnInstall(inventory: Inventory, install: string): void {
  if (inventory.install === install) return
  throw new GitwakeError(
    'owned-by-other-install',
    `${inventory.application} is owned by the gitwake installation "${inventory.install}", this one is "${install}"`,
    {
      fix: 'Give the application another name here, or set GITWAKE_INSTALL to the same name in both after stopping the other.',
    },
  )
}
