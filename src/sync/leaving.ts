import type { Departure } from '../model/departure.ts'
import type { Inventory } from '../model/inventory.ts'
import type { SyncJob } from '../model/job.ts'
import type { Destination, StoredInventory, WriteOptions } from './ports.ts'
import type { Run } from './run.ts'

export interface LeaveRequest {
  readonly job: SyncJob
  readonly departure: Departure
  readonly cluster: string
  readonly signal: AbortSignal
  /** Throws GitwakeError where the application may not leave: it is configured and goes on. */
  readonly admit: (inventory: Inventory) => void
}

/** An application on its way out. */
export interface Leaving {
  readonly request: LeaveRequest
  readonly destination: Destination
  readonly stored: StoredInventory
  readonly applySet: string
  readonly options: WriteOptions
  readonly run: Run
}
