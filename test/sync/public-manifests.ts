import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { objectPath, collectionPath } from '../../src/cluster/paths.ts'
import { isJsonObject, parseJson, type Json, type JsonObject } from '../../src/model/json.ts'
import type { KindCatalog, ResourceKind } from '../../src/model/kinds.ts'
import { applySetId, PART_OF_LABEL, PRUNE_ANNOTATION } from '../../src/model/names.ts'
import { displayName, objectIdOf, versionOf, type Manifest, type ObjectId } from '../../src/model/object.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { isDryRun, isWrite, type AuditEvent } from '../support/audit-log.ts'
import { ensureControlPlaneProgram, ensureKustomize } from '../support/build.ts'
import { startControlPlane } from '../support/control-plane.ts'
import { filesBelow } from '../support/files-below.ts'
import { goModuleFolder } from '../support/go-module.ts'
import { until } from '../queue/until.ts'
import { openWorkbench, type Subject, type Workbench } from './workbench.ts'

/** Manifests that others published, in a Go module because that is a place from which exactly these bytes can be had again. */
export interface PublicManifests {
  readonly name: string
  /** Path and version. */
  readonly module: readonly [string, string]
  /** What of the module is committed. */
  readonly folder: string
  /** Only these of its files. */
  readonly files?: RegExp
  /** The application's path below the folder. */
  readonly path: string
  readonly kustomize: boolean
}

/** Promises about each set, on a control plane of their own: their webhooks and aggregated APIs have no backend here, which everybody else would feel. */
export function describePublicManifests(sets: readonly PublicManifests[]): void {
  describe('manifests that others published', { timeout: 600_000 }, () => promise(sets))
}

function promise(sets: readonly PublicManifests[]): void {
  let bench: Workbench
  let kustomizePath = ''
  let decoder = ''
  before(async () => {
    const own = await startControlPlane({ log: () => undefined })
    kustomizePath = await ensureKustomize(() => undefined)
    decoder = await ensureControlPlaneProgram(() => undefined)
    bench = await openWorkbench(own, kustomizePath)
  })
  after(() => bench?.close())

  /** The objects as kubectl and kustomize read them, not as we do. */
  const readByOthers = ({ path, kustomize }: PublicManifests, folder: string, files: Readonly<Record<string, string>>): Manifest[] => {
    const texts = Object.entries(files).flatMap(([file, text]) => (/\.(ya?ml|json)$/.test(file) ? [text] : []))
    const options = { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const
    const input = kustomize ? execFileSync(kustomizePath, ['build', join(folder, path)], options) : texts.join('\n---\n')
    const lines = execFileSync(decoder, ['yaml2json'], { ...options, input }).split('\n')
    return lines.filter((line) => line !== '' && line !== 'null').map((line): Manifest => JSON.parse(line))
  }

  for (const set of sets) {
    it(`${set.name}: synced as they are, left alone by a second sync, and pruned without a trace`, async () => {
      const folder = join(goModuleFolder(...set.module), set.folder)
      const files = Object.fromEntries(Object.entries(await filesBelow(folder)).filter(([file]) => set.files?.test(file) ?? true))
      const manifests = readByOthers(set, folder, files)
      const app = await bench.subject(files, {}, set.path)

      const first = await app.sync()
      assert.equal(first.outcome, 'synced', told(first))
      const catalog = await bench.destination.catalog({ refresh: true }, AbortSignal.timeout(20_000))
      const lost = (await Promise.all(manifests.map((manifest) => lostFields(bench, catalog, app, manifest)))).flat()
      assert.deepEqual(lost, [])

      const second = await writesOf(bench, app)
      assert.deepEqual(second.result.counts, { unchanged: manifests.length }, told(second.result))
      // What a controller fills (an aggregated role, an APIService's status) moved since: that is looked at once, and remembered.
      const looks = second.writes.filter((event) => !isDryRun(event) && event.objectRef?.namespace !== bench.inventoryNamespace)
      assert.deepEqual(urisOf(looks), [])
      const third = await writesOf(bench, app)
      assert.deepEqual(urisOf(third.writes), [])
      await pruneAll(bench, catalog, app, files)
      const kinds = new Set(manifests.map((manifest) => kindOf(catalog, objectIdOf(manifest))))
      const left = async (): Promise<readonly string[]> => labelled(bench, [...kinds], app)
      const isGone = async (): Promise<boolean> => (await left()).length === 0 || (await nudgeDefinitions(bench), false)
      await until(isGone, 120_000).catch(async () => assert.fail(`left behind: ${(await left()).join('\n')}`))
      // What is deleted but not yet gone stays in the inventory until a sync finds it gone.
      await until(async () => (await app.sync()).outcome === 'synced' && (await inventorySize(bench, app)) === 0)
    })
  }
}

async function inventorySize(bench: Workbench, app: Subject): Promise<number | undefined> {
  return (await bench.destination.readInventory(app.application.name, AbortSignal.timeout(20_000)))?.inventory.entries.size
}

/** Syncs, and tells the requests that would have changed something. */
async function writesOf(bench: Workbench, app: Subject): Promise<{ readonly result: SyncResult; readonly writes: readonly AuditEvent[] }> {
  const position = await bench.audit.position()
  const result = await app.sync()
  assert.equal(result.outcome, 'synced', told(result))
  return { result, writes: (await bench.audit.read({}, position)).filter((event) => isWrite(event)) }
}

const urisOf = (events: readonly AuditEvent[]): readonly string[] => events.map(({ verb, requestURI }) => `${verb} ${requestURI}`)

const told = (result: SyncResult): string =>
  [
    `${result.outcome}: ${result.message}`,
    ...result.changes.filter(({ action }) => action === 'failed').map((one) => JSON.stringify(one)),
  ].join('\n')

function kindOf(catalog: KindCatalog, { group, kind }: ObjectId, version?: string): ResourceKind {
  const found = version === undefined ? catalog.preferred({ group, kind }) : catalog.find({ group, kind }, version)
  return found ?? assert.fail(`the cluster does not serve ${kind} of ${group}`)
}

/** Each leaf of a manifest that the live object does not carry. */
async function lostFields(bench: Workbench, catalog: KindCatalog, app: Subject, manifest: Manifest): Promise<readonly string[]> {
  const object = objectIdOf(manifest)
  const kind = kindOf(catalog, object, versionOf(manifest.apiVersion))
  const namespace = kind.namespaced ? object.namespace || app.namespace : ''
  const live = await bench.api('GET', objectPath(kind, namespace, object.name))
  const { status: _status, ...wanted } = parseJson(JSON.stringify(manifest)) as JsonObject
  return lostLeaves(wanted, live, displayName({ ...object, namespace }))
}

function lostLeaves(wanted: Json | undefined, live: Json | undefined, path: string): readonly string[] {
  if (wanted === null || wanted === undefined) return []
  if (Array.isArray(wanted))
    return wanted.flatMap((item, index) => lostLeaves(item, Array.isArray(live) ? live[index] : undefined, `${path}[${index}]`))
  if (isJsonObject(wanted)) {
    return Object.entries(wanted).flatMap(([key, value]) => lostLeaves(value, isJsonObject(live) ? live[key] : undefined, `${path}.${key}`))
  }
  return isSame(wanted, live, path) ? [] : [`${path}: ${String(wanted)} is ${String(live)}`]
}

/** As the API server writes a value: quantities in their shortest form, and no zero where that is what silence means. */
function isSame(wanted: Json, live: Json | undefined, path: string): boolean {
  if (live === undefined) return wanted === 0 || wanted === false || wanted === ''
  const milli = /\.resources\..*\.cpu$/.test(path) ? /^(\d+)000m$/.exec(String(wanted))?.[1] : undefined
  return (milli ?? String(wanted)) === String(live)
}

/** What a team does that gives its application up: remove the files, confirm what is held, opt in where gitwake asks for it. */
async function pruneAll(bench: Workbench, catalog: KindCatalog, app: Subject, files: Readonly<Record<string, string>>): Promise<void> {
  const { path } = app.application.source
  const none = Object.fromEntries(Object.keys(files).map((file) => [file, null]))
  await app.repository.commit({ ...none, [join(path, 'readme.md')]: 'given up' })
  const pruned = await confirmed(app)
  const kept = pruned.changes.filter(({ action }) => action === 'skipped')
  for (const { object, reason } of kept) {
    assert.match(reason, /only pruned with gitwake\.dev\/prune: enabled/)
    const target = objectPath(kindOf(catalog, object), object.namespace, object.name)
    const annotations = { [PRUNE_ANNOTATION]: 'enabled' }
    await bench.api('PATCH', target, { metadata: { annotations } }, { contentType: 'application/merge-patch+json' })
  }
  if (kept.length > 0) await confirmed(app)
}

/** Syncs; where the plan is held, nothing was written, and exactly that plan is confirmed. */
async function confirmed(app: Subject): Promise<SyncResult> {
  const result = await app.sync()
  if (result.outcome !== 'held') {
    assert.equal(result.outcome, 'synced', told(result))
    return result
  }
  assert.equal(result.counts.pruned, undefined)
  assert.ok(result.plan !== undefined)
  const done = await app.sync({ confirmedPlan: result.plan })
  assert.equal(done.outcome, 'synced', told(done))
  return done
}

/**
 * The API server may take minutes to remove a definition that was deleted while its storage started ("storage is (re)initializing": it tries again
 * after ever longer pauses); at any change of it, it tries at once.
 */
async function nudgeDefinitions(bench: Workbench): Promise<void> {
  await sleep(1_000)
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const { items } = await bench.api('GET', path)
  for (const { metadata } of items as unknown as Manifest[]) {
    if (metadata.deletionTimestamp === undefined) continue
    const change = { metadata: { annotations: { nudged: new Date().toISOString() } } }
    await bench.api('PATCH', `${path}/${metadata.name}`, change, { contentType: 'application/merge-patch+json', mayFail: true })
  }
}

/** What is left of these kinds that carries the application's label. */
async function labelled(bench: Workbench, kinds: readonly ResourceKind[], app: Subject): Promise<readonly string[]> {
  const applySet = applySetId(app.application.name, bench.inventoryNamespace)
  const lists = await Promise.all(kinds.map((kind) => bench.api('GET', collectionPath(kind), undefined, { mayFail: true })))
  return lists.map((list) => JSON.stringify(list)).filter((text) => text.includes(`"${PART_OF_LABEL}":"${applySet}"`))
}
