import type { Audit } from '../../src/record/audit/audit.ts'
import type { Ledger } from '../../src/model/intake.ts'
import { startFold, type Fold } from '../../src/record/fold.ts'
import { placeInLine } from '../../src/queue/line.ts'
import { createLedger } from '../../src/record/ledger.ts'
import { type Setup, silent } from '../queue/setup.ts'

/** A ledger over a queue's Redis, folding what its workers record. */
export interface Books extends AsyncDisposable {
  readonly ledger: Ledger
  readonly fold: Fold
}

export function openBooks(setup: Setup, results = 50, ageMs = 3_600_000, recordFrom: Audit['recordFrom'] = async () => undefined): Books {
  const fold = startFold({
    redis: setup.connections.producer,
    blocking: setup.connections.blocking,
    clusters: () => [...setup.configuration.clusters.keys()],
    retention: { results, ageMs },
    audit: { recordFrom },
    log: silent,
  })
  const ledger = createLedger({
    redis: setup.connections.producer,
    configuration: () => setup.configuration,
    fold,
    placeInLine: async (cluster, application) => placeInLine(setup.connections.producer, cluster, application),
  })
  return { ledger, fold, [Symbol.asyncDispose]: async () => fold.close() }
}
