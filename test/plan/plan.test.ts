import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { IntendedEntry, InventoryEntry, OwnedEntry } from '../../src/model/inventory.ts'
import { createKindCatalog } from '../../src/model/kinds.ts'
import { PART_OF_LABEL } from '../../src/model/names.ts'
import type { Observation, ObservedObject } from '../../src/model/observation.ts'
import { objectKey } from '../../src/model/object.ts'
import type { PlannedChange } from '../../src/model/plan.ts'
import { lostFields } from '../../src/plan/drift.ts'
import { guardPrunes } from '../../src/plan/guards.ts'
import { NO_HOOKS } from '../../src/plan/hooks.ts'
import { planObject } from '../../src/plan/object.ts'
import { claim } from '../../src/plan/ownership.ts'
import { planPrunes } from '../../src/plan/prune.ts'
import { NO_ANSWERS } from '../../src/plan/questions.ts'
import { readopt } from '../../src/plan/readopt.ts'
import { stageOf, startOrder, stepsOf } from '../../src/plan/stages.ts'
import { judge } from '../../src/plan/unchanged.ts'
import { emptyInventory } from '../../src/sync/tracking.ts'

const object = { group: '', kind: 'ConfigMap', namespace: 'shop', name: 'a' }
const entry: OwnedEntry = { status: 'owned', object, version: 'v1', uid: 'u1', sent: 's1', fields: 'f1', resourceVersion: '10' }
const seen: ObservedObject = {
  object,
  version: 'v1',
  uid: 'u1',
  resourceVersion: '10',
  generation: undefined,
  createdAt: '2026-01-01T00:00:00Z',
  terminating: false,
  labels: { [PART_OF_LABEL]: 'set' },
  annotations: {},
  controller: undefined,
  fields: 'f1',
  managedFields: [],
}

const NOW = Date.parse('2026-01-01T00:02:00Z')

describe('the unchanged rule', () => {
  const cases = [
    ['unchanged', {}, 's1'],
    ['outdated', {}, 's2'],
    ['drifted', { fields: 'f2' }, 's1'],
    ['drifted', { fields: undefined }, 's1'],
    ['suspect', { resourceVersion: '11' }, 's1'],
    ['recreated', { uid: 'u2' }, 's1'],
    ['terminating', { terminating: true, uid: 'u2' }, 's2'],
  ] as const
  for (const [verdict, change, sent] of cases) {
    it(`${verdict}: ${JSON.stringify(change)} sent ${sent}`, () => assert.equal(judge(entry, { ...seen, ...change }, sent), verdict))
  }

  it('compares kinds with a generation by it: a status update is no suspicion', () => {
    const owned = { ...entry, generation: 3 }
    assert.equal(judge(owned, { ...seen, generation: 3, resourceVersion: '99' }, 's1'), 'unchanged')
    assert.equal(judge(owned, { ...seen, generation: 4 }, 's1'), 'suspect')
  })
})

describe('the guards of a prune', () => {
  const cases = [
    [{ prunes: 0, tracked: 10, desired: 0, missingPath: undefined }, false],
    [{ prunes: 5, tracked: 10, desired: 5, missingPath: undefined }, false],
    [{ prunes: 6, tracked: 10, desired: 4, missingPath: undefined }, true],
    [{ prunes: 30, tracked: 100, desired: 70, missingPath: undefined }, false],
    [{ prunes: 31, tracked: 100, desired: 69, missingPath: undefined }, true],
    [{ prunes: 1, tracked: 1, desired: 0, missingPath: undefined }, true],
    [{ prunes: 1, tracked: 100, desired: 99, missingPath: 'gone' }, true],
    [{ prunes: 1, tracked: 100, desired: 99, missingPath: undefined, budget: { objects: 0, percent: 0 } }, true],
    [{ prunes: 20, tracked: 100, desired: 80, missingPath: undefined, budget: { objects: 3, percent: 20 } }, false],
    [{ prunes: 21, tracked: 100, desired: 79, missingPath: undefined, budget: { objects: 3, percent: 20 } }, true],
    [{ prunes: 99, tracked: 100, desired: 1, missingPath: undefined, budget: 'unlimited' }, false],
    [{ prunes: 100, tracked: 100, desired: 0, missingPath: undefined, budget: 'unlimited' }, true],
  ] as const
  for (const [facts, held] of cases) {
    it(`${held ? 'holds' : 'lets pass'} ${JSON.stringify(facts)}`, () =>
      assert.equal(guardPrunes({ budget: undefined, ...facts }) !== undefined, held))
  }
})

describe('a prune', () => {
  const FACTS = { wanted: new Set(''), found: new Map(), now: NOW, applySet: 'set', enabled: true, restored: false } as const
  const changeOf = (
    change: Partial<ObservedObject>,
    tracked: Parameters<typeof planPrunes>[0]['inventory']['entries'] = new Map([['k', entry]]),
  ) =>
    planPrunes({
      ...FACTS,
      inventory: {
        application: 'a',
        install: 'i',
        epoch: 1,
        revision: undefined,
        inputs: undefined,
        rendered: undefined,
        appliedAt: undefined,
        entries: tracked,
      },
      observation: { objects: new Map([['k', { ...seen, ...change }]]), unlistable: new Map(), definitions: new Map() },
    }).changes[0] ?? assert.fail('nothing is planned')
  const run = (...facts: Parameters<typeof changeOf>) => changeOf(...facts).action

  it('takes what is ours', () => assert.equal(run({}), 'pruned'))
  it('releases what lost our label', () => assert.equal(run({ labels: {} }), 'released'))
  it('releases what somebody recreated', () => assert.equal(run({ uid: 'u2' }), 'released'))
  it('says which of the two it is, where what somebody recreated has no label either', () => {
    assert.match(changeOf({ uid: 'u2', labels: {} }).reason, /somebody else recreated it/)
    assert.match(changeOf({ labels: {} }).reason, /our label was removed from it/)
  })
  it('releases what a controller owns now', () => assert.equal(run({ controller: 'Deployment/x' }), 'released'))
  it('leaves what says so', () => assert.equal(run({ annotations: { 'gitwake.dev/prune': 'disabled' } }), 'skipped'))
  it('takes a namespace only where it says so', () => {
    const namespace = { ...entry, object: { group: '', kind: 'Namespace', namespace: '', name: 'n' } }
    assert.equal(run({}, new Map([['k', namespace]])), 'skipped')
    assert.equal(run({ annotations: { 'gitwake.dev/prune': 'enabled' } }, new Map([['k', namespace]])), 'pruned')
  })
  it('leaves what it cannot see: a kind that cannot be listed is unknown, not gone', () => {
    const { changes, look } = planPrunes({
      ...FACTS,
      inventory: { ...emptyInventory('a', 'i'), entries: new Map([['k', entry]]) },
      observation: {
        objects: new Map(),
        unlistable: new Map([['/ConfigMap', { reason: 'forbidden', isForbidden: true }]]),
        definitions: new Map(),
      },
    })
    assert.deepEqual([changes.map(({ action }) => action), look], [['skipped'], []])
  })
  it('tells what it waits for where its deletion hangs', () => {
    const { reason, fix } = changeOf({ terminating: true, deletion: { since: '2026-01-01T00:00:00Z', finalizers: ['example.org/hold'] } })
    assert.match(reason, /being deleted since 2026-01-01T00:00:00Z, and waits for its finalizers \(example.org\/hold\)/)
    assert.match(fix ?? '', /controllers/)
  })
  it('takes an intended object only if it is ours and younger than the intention', () => {
    const intended = (since: string) => new Map([['k', { status: 'intended', object, version: 'v1', since } as const]])
    assert.equal(run({}, intended('2025-12-31T23:59:59Z')), 'pruned')
    assert.equal(run({}, intended('2026-01-01T00:00:01Z')), 'released')
    assert.equal(run({ fields: undefined }, intended('2025-12-31T23:59:59Z')), 'released')
  })
  it('remembers an intended object that is not there for as long as an API server may take to make it', () => {
    const absent = (tracked: InventoryEntry) => {
      const inventory = { ...emptyInventory('a', 'i'), entries: new Map([['k', tracked]]) }
      const observation = { objects: new Map(), unlistable: new Map(), definitions: new Map() }
      const found = new Map([['k', 'absent']] as const)
      return planPrunes({ ...FACTS, inventory, observation, found }).changes.map(({ action, missed = false }) => [action, missed])
    }
    const intended = { status: 'intended', object, version: 'v1', since: '2025-12-31T23:59:59Z' } as const
    assert.deepEqual(absent(intended), [['skipped', true]], 'however long ago it was announced: it may have been sent just now')
    assert.deepEqual(absent({ ...intended, missedAt: '2026-01-01T00:01:00Z' }), [['skipped', true]])
    assert.deepEqual(absent({ ...intended, missedAt: '2026-01-01T00:00:50Z' }), [['released', false]])
    assert.deepEqual(absent(entry), [['released', false]], 'what was there and is gone was made')
  })
})

describe('an object that Git wants', () => {
  const owner = (applySet: string) => ({ labels: { [PART_OF_LABEL]: applySet } })
  const run = (tracked: OwnedEntry | IntendedEntry, change: Partial<ObservedObject>, unlistable: Observation['unlistable'] = new Map()) => {
    const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'shop' } }
    const resource = { ...object, version: 'v1', resource: 'configmaps', namespaced: true, verbs: ['list'], hasStatus: false }
    const origin = { file: 'a.yaml', document: 1 }
    return planObject(
      { object, key: 'k', manifest, sent: 's2', origin, resource, awaitsDefinition: false, wave: 0 },
      {
        desired: { objects: [], warnings: [], duplicates: [] },
        hooks: NO_HOOKS,
        inventory: { ...emptyInventory('a', 'i'), entries: new Map([['k', tracked]]) },
        observation: { objects: new Map([['k', { ...seen, ...change }]]), unlistable, definitions: new Map() },
        catalog: createKindCatalog([resource]),
        answers: NO_ANSWERS,
        now: NOW,
        applySet: 'set',
        applicationOf: () => 'shop-dev',
        namespace: 'shop',
        createNamespace: true,
        prune: true,
        pruneBudget: undefined,
        restored: undefined,
        undeclared: 'report',
        ignore: [],
        missingPath: undefined,
        confirmed: undefined,
        audited: new Set(),
        fights: [],
      },
    ).change
  }
  const intended: IntendedEntry = { status: 'intended', object, version: 'v1', since: '2025-12-31T23:59:59Z' }

  it('is left, with what to do, where its kind cannot be listed: a right is granted, trouble of the API server passes', () => {
    const why = (reason: string, isForbidden: boolean) => run(entry, {}, new Map([['/ConfigMap', { reason, isForbidden }]]))
    const [forbidden, broken] = [why('configmaps is forbidden', true), why('etcdserver: no leader', false)]
    assert.match(forbidden.fix ?? '', /^Grant list on configmaps in the whole cluster/)
    assert.match(broken.reason, /cannot be listed \(etcdserver: no leader\)/)
    assert.doesNotMatch(broken.fix ?? '', /Grant/)
    for (const { action, retryable } of [forbidden, broken]) assert.deepEqual([action, retryable], ['failed', true])
  })
  it('is finished where a crash has interrupted its making', () => {
    assert.match(run(intended, {}).reason, /interrupted/)
    assert.equal(run(intended, { terminating: true }).action, 'failed', 'an apply onto what is being deleted would vanish')
  })
  it('is refused where another application was quicker, although both meant to make it and all write under one manager', () => {
    assert.match(run(intended, owner('other')).reason, /owned by application shop-dev/)
    assert.equal(run(intended, owner('other')).operation.verb, 'none')
  })
  it('is not fought for once another application has taken it over', () => {
    assert.match(run(entry, owner('other')).reason, /owned by application shop-dev/)
    assert.equal(run(entry, { labels: {}, fields: 'f2' }).action, 'configured', 'a label that is merely gone is drift')
  })
})

describe('a cluster that was restored', () => {
  const names = ['a', 'b', 'c']
  const ofName = (name: string) => ({ ...object, name })
  const inventory = {
    ...emptyInventory('a', 'i'),
    entries: new Map(names.map((name) => [objectKey(ofName(name)), { ...entry, object: ofName(name), uid: `old ${name}`, generation: 4 }])),
  }
  const observe = (returned: readonly string[], change: Partial<ObservedObject> = {}): Observation => ({
    objects: new Map(
      names.map((name) => {
        const [uid, more] = returned.includes(name) ? [`new ${name}`, change] : [`old ${name}`, {}]
        return [objectKey(ofName(name)), { ...seen, object: ofName(name), uid, ...more }]
      }),
    ),
    unlistable: new Map(),
    definitions: new Map(),
  })

  it('is recognised where most objects came back as others, and what they carry is proven anew', () => {
    const restored = readopt(inventory, observe(['a', 'b']), 'set')
    assert.deepEqual([restored?.count, restored?.tracked], [2, 3])
    const [a, , c] = [...(restored?.inventory.entries.values() ?? [])].filter((tracked) => tracked.status === 'owned')
    assert.equal(a?.uid, 'new a')
    assert.equal(a && judge(a, { ...seen, uid: 'new a', generation: 4 }, 's1'), 'suspect')
    assert.equal(c?.uid, 'old c')
  })
  it('is not assumed where one of them was made anew, nor where somebody else made or controls them', () => {
    assert.equal(readopt(inventory, observe(['a']), 'set'), undefined)
    assert.equal(readopt(inventory, observe(names, { fields: undefined }), 'set'), undefined)
    assert.equal(readopt(inventory, observe(names, { labels: {} }), 'set'), undefined)
    assert.equal(readopt(inventory, observe(names, { controller: 'Widget/w' }), 'set'), undefined)
  })
})

describe('ownership', () => {
  it('says how a renamed application gets its objects, where nobody configures their owner', () => {
    const verdict = claim({ ...seen, labels: { [PART_OF_LABEL]: 'other' } }, 'set', () => undefined)
    assert.match(verdict.verdict === 'refuse' ? verdict.fix : '', /renamed\?.*spec\.renamedFrom: OLD.*gitwake orphans/)
  })
  it('refuses the object of another application by its name', () => {
    const verdict = claim({ ...seen, labels: { [PART_OF_LABEL]: 'other' } }, 'set', () => 'shop-dev')
    assert.equal(verdict.verdict, 'refuse')
    assert.match(verdict.reason, /owned by application shop-dev/)
  })
  const managed = (manager: string) => ({
    managedFields: [{ manager, operation: 'Update', subresource: '', apiVersion: 'v1', time: undefined, fields: {} } as const],
  })
  const applied = { manager: 'gitwake', operation: 'Apply', subresource: '', apiVersion: 'v1', time: undefined, fields: {} } as const
  const flux = { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' }
  const cases: readonly (readonly [Partial<ObservedObject>, RegExp, RegExp | undefined])[] = [
    [{ labels: flux }, /made by Flux \(Kustomization apps\)/, /flux suspend kustomization apps -n flux-system; then kubectl delete kustom/],
    [{ labels: { 'helm.toolkit.fluxcd.io/name': 'api' } }, /made by Flux \(HelmRelease api\)/, /flux suspend helmrelease api;/],
    [
      { annotations: { 'meta.helm.sh/release-name': 'api' } },
      /made by Helm \(release api\)/,
      /kubectl delete secret -l owner=helm,name=api/,
    ],
    [
      { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/ConfigMap:shop/a' } },
      /made by Argo CD \(shop\)/,
      /delete shop --cascade=false/,
    ],
    [{ ...managed('argocd-controller'), labels: { 'app.kubernetes.io/instance': 'shop' } }, /made by Argo CD \(shop\)/, /shop --cascade/],
    [managed('argocd-application-controller'), /made by Argo CD$/, /argocd app delete NAME --cascade=false/],
    [managed('kubectl-client-side-apply'), /made by kubectl-client-side-apply/, undefined],
    [{ managedFields: [applied, ...managed('kube-controller-manager').managedFields] }, /made by gitwake, and then let go/, undefined],
    [{}, /made by nobody known/, undefined],
  ]
  for (const [change, reason, fix] of cases) {
    it(`adopts what nobody labelled, and says who made it and how that lets go: ${JSON.stringify(change)}`, () => {
      const verdict = claim({ ...seen, labels: {}, ...change }, 'set', () => undefined)
      assert.equal(verdict.verdict, 'adopt')
      assert.match(verdict.reason, reason)
      if (fix === undefined) assert.equal(verdict.fix, undefined)
      else assert.match(verdict.fix ?? '', fix)
    })
  }
})

describe('lost fields', () => {
  it('are named as users write them, with their newest holder', () => {
    const manifest = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: { replicas: 2, template: { spec: { containers: [{ name: 'web', image: 'a' }] } } },
    }
    const container = 'k:{"name":"web"}'
    const ours = { 'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { [container]: { '.': {}, 'f:name': {} } } } } } }
    const theirs = (time: string, manager: string) =>
      ({ manager, operation: 'Update', subresource: '', apiVersion: 'apps/v1', time, fields: { 'f:spec': { 'f:replicas': {} } } }) as const
    const lost = lostFields(manifest, {
      ...seen,
      managedFields: [
        { manager: 'gitwake', operation: 'Apply', subresource: '', apiVersion: 'apps/v1', time: undefined, fields: ours },
        theirs('2026-01-01T00:00:00Z', 'early'),
        theirs('2026-01-02T00:00:00Z', 'late'),
      ],
    })
    assert.deepEqual(lost, [
      { field: 'spec.replicas', manager: 'late', at: '2026-01-02T00:00:00Z' },
      { field: 'spec.template.spec.containers[name=web].image', manager: undefined, at: undefined },
    ])
  })
})

describe('stages', () => {
  it('bring definitions first and admission last', () => {
    const kinds = [
      { group: 'admissionregistration.k8s.io', kind: 'ValidatingWebhookConfiguration' },
      { group: 'apps', kind: 'Deployment' },
      { group: 'storage.k8s.io', kind: 'StorageClass' },
      { group: '', kind: 'Namespace' },
    ]
    assert.deepEqual(kinds.map(stageOf), [3, 2, 1, 0])
    assert.ok(startOrder({ group: '', kind: 'ConfigMap' }) < startOrder({ group: 'apps', kind: 'Deployment' }))
  })
  it('are taken one after the other, and their waves inside them, whatever order the changes come in', () => {
    const change = (stage: number, wave?: number): PlannedChange => ({
      object,
      action: 'created',
      reason: 'new in Git',
      stage,
      ...(wave !== undefined && { wave }),
      operation: { verb: 'none' },
    })
    const steps = stepsOf([change(2, 5), change(3), change(2), change(0, 9), change(2, -1), change(2, 5)])
    assert.deepEqual(
      steps.map(({ stage, wave, changes }) => [stage, wave, changes.length]),
      [
        [0, 9, 1],
        [2, -1, 1],
        [2, 0, 1],
        [2, 5, 2],
        [3, 0, 1],
      ],
    )
  })
})
