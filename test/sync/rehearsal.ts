import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { compareWithLive } from '../../src/cluster/compare.ts'
import type { OwnedEntry } from '../../src/model/inventory.ts'
import type { ResourceKind } from '../../src/model/kinds.ts'
import type { Manifest, RenderedObject } from '../../src/model/object.ts'
import { desire, type DesiredObject } from '../../src/plan/desired.ts'
import { judge, type Verdict } from '../../src/plan/unchanged.ts'
import { owned } from '../../src/sync/tracking.ts'
import { carryOutEdit, stories, type Story } from './edits.ts'
import { DEFINITIONS, NAMESPACE } from './specimens.ts'
import type { Workbench } from './workbench.ts'

/** What the metadata LIST says of an object, and what the API server's dry-run says. */
export interface Verdicts {
  readonly verdict: Verdict | 'missing'
  readonly oracle: 'same' | 'different'
}

const signal = (): AbortSignal => AbortSignal.timeout(20_000)

/** Prepares the place and the definitions of all specimens. */
export async function setTheStage({ api, destination }: Workbench): Promise<void> {
  await api('POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } })
  for (const definition of DEFINITIONS) await api('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
  const names = DEFINITIONS.map(({ metadata }) => (metadata as { name: string }).name)
  await destination.waitForDefinitions(names, 20_000, signal())
  await destination.catalog({ refresh: true }, signal())
}

/** One object as a sync would leave it. */
export interface Applied {
  readonly desired: DesiredObject
  readonly resource: ResourceKind
  readonly entry: OwnedEntry
  readonly applySet: string
}

export async function apply(manifest: Manifest, { destination }: Workbench): Promise<Applied> {
  const applySet = `applyset-${randomUUID()}-v1`
  const catalog = await destination.catalog({ refresh: false }, signal())
  const rendered: RenderedObject = { manifest, origin: { file: 'a.yaml', document: 1 } }
  const [desired] = desire([rendered], { namespace: NAMESPACE, applySet, catalog }).objects
  const resource = desired?.resource
  if (desired === undefined || resource === undefined) throw new Error(`no resource for ${manifest.kind}`)
  const before = await destination.observe([resource], applySet, signal())
  const operation = { verb: 'apply', manifest: desired.manifest, expect: 'absent', takeOver: false } as const
  const written = await destination.apply(operation, resource, { adopting: false, signal: signal() })
  if (!written.ok) throw new Error(written.message)
  return { desired, resource, applySet, entry: owned(desired, written.seen, desired.sent, before) }
}

/** Looks at an applied object as the sweep does, and asks the oracle. */
export async function compareVerdicts(
  { desired, resource, entry, applySet }: Applied,
  { destination, connection }: Workbench,
): Promise<Verdicts> {
  const { objects } = await destination.observe([resource], applySet, signal())
  const seen = objects.get(desired.key)
  const operation = { verb: 'apply', manifest: desired.manifest, expect: 'absent', takeOver: false } as const
  const oracle = await compareWithLive(connection, resource, operation, signal())
  return { verdict: seen === undefined ? 'missing' : judge(entry, seen, desired.sent), oracle }
}

/** Applies the specimen of a story, plays its edits, and tells what rule and oracle say. */
export async function play({ specimen, edits }: Story, bench: Workbench): Promise<Verdicts> {
  const manifest = specimen.manifest(`s-${randomUUID().slice(0, 8)}`)
  const applied = await apply(manifest, bench)
  for (const edit of edits) await carryOutEdit(edit, specimen, applied.desired.manifest, bench)
  return await compareVerdicts(applied, bench)
}

/**
 * Plays random stories and holds the rule to the oracle: it misses nothing, and calls an object drifted that a dry-run finds as it should be
 * only where somebody tampered with managedFields, or changed something and changed it back.
 */
export async function agree(bench: Workbench, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(stories, async (story) => {
      const { verdict, oracle } = await play(story, bench)
      if (verdict === 'unchanged') assert.equal(oracle, 'same', 'missed')
      if (verdict !== 'drifted' || oracle === 'different') return
      assert.ok(story.edits.length > 1 || story.edits.some(({ how }) => how.startsWith('managedFields')), 'an extra hit')
    }),
    { numRuns },
  )
}
