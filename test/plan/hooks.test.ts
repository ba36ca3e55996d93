import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hookKey, type HookEntry, type HookPhase } from '../../src/model/hook.ts'
import { objectIdOf, objectKey, type Manifest } from '../../src/model/object.ts'
import { completionOf } from '../../src/health/completion.ts'
import { healthOf } from '../../src/health/health.ts'
import type { DesiredObject } from '../../src/plan/desired.ts'
import { readHook } from '../../src/plan/hook-annotations.ts'
import { hasOpenHooks, planHooks, splitHooks, type HookFacts } from '../../src/plan/hooks.ts'

const ONE = '1'.repeat(40)
const TWO = '2'.repeat(40)

describe('the annotations of a hook', () => {
  const cases: readonly (readonly [Record<string, string>, readonly HookPhase[] | undefined, readonly string[]])[] = [
    [{}, undefined, []],
    [{ 'gitwake.dev/hook': 'pre-sync, post-sync' }, ['pre-sync', 'post-sync'], ['before-creation']],
    [{ 'gitwake.dev/hook': 'sync', 'gitwake.dev/hook-delete-policy': 'succeeded,failed' }, ['sync'], ['succeeded', 'failed']],
    [{ 'argocd.argoproj.io/hook': 'PreSync,SyncFail' }, ['pre-sync', 'sync-fail'], ['before-creation']],
    [{ 'argocd.argoproj.io/hook': 'Sync', 'argocd.argoproj.io/hook-delete-policy': 'HookFailed' }, ['sync'], ['failed']],
    [{ 'argocd.argoproj.io/hook': 'Skip' }, undefined, []],
    [{ 'argocd.argoproj.io/hook': 'PreDelete' }, [], ['before-creation']],
    [{ 'argocd.argoproj.io/hook': 'PostSync', 'helm.sh/hook': 'pre-install' }, ['post-sync'], ['before-creation']],
    [{ 'gitwake.dev/hook': 'sync', 'argocd.argoproj.io/hook': 'PostSync' }, ['sync'], ['before-creation']],
    [{ 'helm.sh/hook': 'pre-install,pre-upgrade' }, ['pre-sync'], ['before-creation']],
    [{ 'helm.sh/hook': 'post-upgrade', 'helm.sh/hook-delete-policy': 'hook-succeeded' }, ['post-sync'], ['succeeded']],
    [{ 'helm.sh/hook': 'post-delete' }, ['post-delete'], ['before-creation']],
    [{ 'helm.sh/hook': 'test' }, [], ['before-creation']],
    [{ 'helm.sh/hook': 'crd-install' }, undefined, []],
  ]
  for (const [annotations, phases, policies] of cases) {
    it(`${JSON.stringify(annotations)}: ${phases === undefined ? 'none' : phases.join(', ')}`, () => {
      const hook = readHook(annotations)
      assert.deepEqual(hook?.phases, phases)
      assert.deepEqual(hook?.deletePolicies ?? [], policies)
      assert.deepEqual(hook?.wrong ?? [], [])
    })
  }
  it('of ours must say something we know', () => {
    assert.match(readHook({ 'gitwake.dev/hook': 'presync' })?.wrong[0] ?? '', /did you mean "pre-sync"/)
    assert.match(readHook({ 'gitwake.dev/hook': '' })?.wrong[0] ?? '', /empty/)
    assert.match(
      readHook({ 'gitwake.dev/hook': 'sync', 'gitwake.dev/hook-delete-policy': 'success' })?.wrong[0] ?? '',
      /known: before-creation, succeeded, failed/,
    )
  })
})

function manifestOf(name: string, annotations: Record<string, string>): Manifest {
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, annotations } }
}

function desiredOf(manifest: Manifest, wave = 0): DesiredObject {
  const object = objectIdOf(manifest)
  const origin = { file: 'a.yaml', document: 1 }
  return { object, key: objectKey(object), manifest, sent: 's', origin, resource: undefined, awaitsDefinition: false, wave }
}

describe('when a hook runs', () => {
  const desired = desiredOf(manifestOf('job', { 'gitwake.dev/hook': 'post-sync' }))
  const entry = (state: HookEntry['state'], revision: string): HookEntry => ({
    phase: 'post-sync',
    object: desired.object,
    version: 'v1',
    revision,
    state,
    since: '2026-01-01T00:00:00Z',
  })
  const run = (before: HookEntry | undefined, facts: Partial<HookFacts>): boolean | undefined => {
    const entries = new Map(before && [[hookKey('post-sync', desired.key), before]])
    const rest = { revision: TWO, applied: ONE, isNew: true, isManual: false, ...facts }
    return planHooks({ hooks: [desired], entries, ...rest })[0]?.due
  }
  const cases = [
    ['for a commit that is new here', undefined, {}, true],
    ['for a new commit, although it ran for the one before', entry('succeeded', ONE), {}, true],
    ['not again when a commit that it ran for is tried again', entry('succeeded', TWO), {}, false],
    ['again when it failed for that commit', entry('failed', TWO), {}, true],
    ['not for drift', entry('succeeded', TWO), { applied: TWO, isNew: false }, false],
    ['not for drift, where it never ran', undefined, { applied: TWO, isNew: false }, false],
    ['after a crash between the apply and it', entry('intended', TWO), { applied: TWO, isNew: false }, true],
    ['because a person asked', entry('succeeded', TWO), { applied: TWO, isNew: false, isManual: true }, true],
  ] as const
  for (const [title, before, facts, due] of cases) it(title, () => assert.equal(run(before, facts), due))

  it('opens an application for a push that changes nothing else only where it did not succeed', () => {
    const open = (before: HookEntry): boolean => hasOpenHooks(new Map([['k', before]]), TWO)
    assert.deepEqual([entry('intended', TWO), entry('failed', TWO), entry('succeeded', TWO), entry('failed', ONE)].map(open), [
      true,
      true,
      false,
      false,
    ])
  })

  it('follows its phase, its wave and Helm’s weight', () => {
    const hooks = [
      desiredOf(manifestOf('late', { 'gitwake.dev/hook': 'post-sync' })),
      desiredOf(manifestOf('third', { 'helm.sh/hook': 'pre-install', 'helm.sh/hook-weight': '5' })),
      desiredOf(manifestOf('first', { 'gitwake.dev/hook': 'pre-sync' }), -1),
      desiredOf(manifestOf('second', { 'gitwake.dev/hook': 'pre-sync' })),
    ]
    const planned = planHooks({ hooks, entries: new Map(), revision: TWO, applied: ONE, isNew: true, isManual: false })
    assert.deepEqual(
      planned.map((hook) => hook.desired.object.name),
      ['first', 'second', 'third', 'late'],
    )
  })

  it('is named after the commit where it has no name', () => {
    const manifest = {
      ...manifestOf('', { 'gitwake.dev/hook': 'sync' }),
      metadata: { name: 'once-', generateName: 'once-', annotations: { 'gitwake.dev/hook': 'sync' } },
    }
    const [hook] = splitHooks([{ manifest, origin: { file: 'a.yaml', document: 1 } }], TWO).hooks
    assert.deepEqual(hook?.manifest.metadata, { name: 'once-2222222222', annotations: { 'gitwake.dev/hook': 'sync' } })
  })
})

describe('the end of what runs once', () => {
  const condition = (type: string, message = ''): object => ({ conditions: [{ type, status: 'True', message }] })
  const cases = [
    ['batch/v1', 'Job', {}, 'running'],
    ['batch/v1', 'Job', { active: 1, startTime: '2026-01-01T00:00:00Z' }, 'running'],
    ['batch/v1', 'Job', condition('Complete'), 'succeeded'],
    ['batch/v1', 'Job', condition('Failed', 'BackoffLimitExceeded'), 'failed'],
    ['v1', 'Pod', { phase: 'Running' }, 'running'],
    ['v1', 'Pod', { phase: 'Succeeded' }, 'succeeded'],
    ['v1', 'Pod', { phase: 'Failed' }, 'failed'],
    ['v1', 'Pod', { phase: 'Pending', containerStatuses: [{ name: 'a', state: { waiting: { reason: 'ImagePullBackOff' } } }] }, 'failed'],
    ['argoproj.io/v1alpha1', 'Workflow', { phase: 'Running' }, 'running'],
    ['argoproj.io/v1alpha1', 'Workflow', { phase: 'Error', message: 'no' }, 'failed'],
    ['v1', 'ConfigMap', {}, 'succeeded'],
  ] as const
  for (const [apiVersion, kind, status, expected] of cases) {
    it(`${kind} ${JSON.stringify(status)}: ${expected}`, () => {
      const live = {
        apiVersion,
        kind,
        metadata: { name: 'a', namespace: 'n', uid: 'u' },
        status: JSON.parse(JSON.stringify(status)) as object,
      }
      assert.equal(completionOf(live as Parameters<typeof completionOf>[0], 0, healthOf).status, expected)
    })
  }
})
