import type { AccessToken, Application, Configuration } from '../../src/model/configuration.ts'
import type { Change } from '../../src/model/plan.ts'
import type { PlanReport } from '../../src/model/plan-report.ts'
import type { ApplicationStatus, SyncResult } from '../../src/model/result.ts'

export const FIRST = '4f2a91c0d5e6b7a8c9d0e1f2a3b4c5d6e7f80912'
export const SECOND = '9be01d2733a4c5b6d7e8f90a1b2c3d4e5f607182'

/** A finished sync of `shop-prod`, varied by `fields`. */
export function sampleResult(fields: Partial<SyncResult> = {}): SyncResult {
  const finishedAt = fields.finishedAt ?? Date.now()
  return {
    schema: 1,
    application: 'shop-prod',
    cluster: 'prod',
    reason: 'push',
    triggers: [
      { reason: 'push', at: finishedAt - 400, actor: 'anna', delivery: { provider: 'github', id: '72d3162e-cc78-11e3-81ab-4c9367dc0958' } },
    ],
    seen: 1,
    revision: FIRST,
    rendered: 'b'.repeat(64),
    outcome: 'synced',
    message: '1 object configured, 11 unchanged.',
    changes: [sampleChange({})],
    counts: { configured: 1, unchanged: 11 },
    warnings: [],
    health: { status: 'current', objects: [] },
    plan: 'sha256:5d1f0a9b3c',
    startedAt: finishedAt - 212,
    timings: { fetch: 61, render: 4, observe: 22, plan: 1, preflight: 31, apply: 27, health: 66 },
    ...fields,
    finishedAt,
  }
}

export function sampleChange(fields: Partial<Change>): Change {
  return {
    object: { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' },
    action: 'configured',
    reason: 'spec.template.spec.containers[name=api].image differs from Git',
    origin: { file: 'overlays/prod/api.yaml', document: 1 },
    ...fields,
  }
}

/** A plan of `shop-prod`, varied by `fields`. */
export function samplePlan(fields: Partial<PlanReport> = {}): PlanReport {
  const finishedAt = Date.now()
  return {
    schema: 1,
    application: 'shop-prod',
    cluster: 'prod',
    subject: { of: 'head' },
    revision: FIRST,
    rendered: 'b'.repeat(64),
    outcome: 'changes',
    message: '1 configured, 11 unchanged',
    changes: [sampleChange({ diff: [{ field: 'spec.replicas', op: 'change', before: 2, after: 3 }], stage: 2 })],
    counts: { configured: 1, unchanged: 11 },
    warnings: [],
    startedAt: finishedAt - 180,
    finishedAt,
    timings: { fetch: 61, render: 4, observe: 22, preflight: 31 },
    ...fields,
  }
}

/** The status of an application that is synced and healthy, varied by `fields`. */
export function sampleStatus(fields: Partial<ApplicationStatus> = {}): ApplicationStatus {
  const application = fields.application ?? 'shop-prod'
  const at = Date.now() - 190_000
  return {
    application,
    cluster: 'prod',
    namespace: 'shop',
    repository: 'shop',
    ref: 'refs/heads/main',
    path: 'overlays/prod',
    head: { revision: FIRST, seenAt: at - 400 },
    applied: { revision: FIRST, at },
    sync: 'synced',
    health: 'current',
    drift: [],
    lastResult: sampleResult({ application, finishedAt: at }),
    wanted: 1,
    done: 1,
    ...fields,
  }
}

/** One application per state that the page knows, with the names and texts that break layouts. */
export function everyState(): readonly ApplicationStatus[] {
  const now = Date.now()
  const behind = { head: { revision: SECOND, seenAt: now - 240_000 }, unappliedSince: now - 240_000 }
  const deploymentOf = (name: string) => ({ group: 'apps', kind: 'Deployment', namespace: 'shop', name })
  return [
    sampleStatus(),
    sampleStatus({
      application: 'shop-dev',
      cluster: 'dev',
      path: 'overlays/dev',
      sync: 'syncing',
      health: 'in progress',
      ...behind,
      wanted: 14,
      done: 12,
    }),
    sampleStatus({
      application: 'payments',
      namespace: 'payments',
      repository: 'payments',
      path: 'deploy',
      sync: 'failed',
      ...behind,
      lastResult: sampleResult({
        application: 'payments',
        outcome: 'failed',
        revision: SECOND,
        message: '1 object was refused; nothing was written.',
        finishedAt: now - 238_000,
        problem: {
          code: 'field-unknown',
          message: 'Deployment/payments/ledger: spec.replcias is not a field of apps/v1 Deployment.',
          fix: 'Correct the field in deploy/ledger.yaml (document 2): did you mean spec.replicas?',
          retryable: false,
          origin: { file: 'deploy/ledger.yaml', document: 2 },
        },
        changes: [
          sampleChange({
            object: { group: '', kind: 'ConfigMap', namespace: 'payments', name: 'ledger' },
            action: 'skipped',
            reason: 'nothing is written while another object is refused',
          }),
          sampleChange({
            object: { ...deploymentOf('ledger'), namespace: 'payments' },
            action: 'failed',
            reason: 'spec.replcias is not a field',
            fix: 'Did you mean spec.replicas?',
          }),
        ],
        counts: { failed: 1, skipped: 1 },
      }),
    }),
    sampleStatus({
      application: 'observability',
      namespace: 'monitoring',
      repository: 'platform',
      ref: 'refs/tags/v2026.11',
      path: 'observability',
      sync: 'held',
      lastResult: sampleResult({
        application: 'observability',
        outcome: 'held',
        message: 'This commit would delete 41 of 44 objects.',
        problem: {
          code: 'mass-prune',
          message: 'This commit would delete 41 of 44 objects.',
          fix: 'If that is meant, confirm exactly this plan; if not, revert the commit.',
          retryable: false,
        },
        changes: Array.from({ length: 41 }, (_, index) =>
          sampleChange({ object: deploymentOf(`exporter-${index + 1}`), action: 'held', reason: 'no longer in Git' }),
        ),
        counts: { held: 41, unchanged: 3 },
      }),
    }),
    sampleStatus({
      application: 'storefront',
      sync: 'out of sync',
      drift: [
        sampleChange({
          object: deploymentOf('storefront'),
          action: 'skipped',
          reason: 'drifted, and selfHeal is off',
          drift: [
            { field: 'spec.replicas', manager: 'kubectl-edit', at: new Date(now - 950_000).toISOString() },
            { field: 'spec.template.spec.containers[name=web].image', manager: undefined, at: undefined },
          ],
        }),
      ],
    }),
    sampleStatus({
      application: 'search',
      namespace: 'search',
      health: 'failed',
      unhealthy: [
        {
          object: deploymentOf('search'),
          status: 'failed',
          message: 'Pod search-7d4b9: Container main: CrashLoopBackOff (last exit code 1)',
          log: ['starting search 4.1', 'fatal: index <main> not found'],
        },
      ],
      lastResult: sampleResult({
        application: 'search',
        message: 'Applied, but unhealthy.',
        health: {
          status: 'failed',
          objects: [
            {
              object: deploymentOf('search'),
              status: 'failed',
              message: 'Pod search-7d4b9: Container main: CrashLoopBackOff (last exit code 1)',
              log: ['starting search 4.1', 'fatal: index <main> not found'],
            },
          ],
        },
      }),
    }),
    sampleStatus({
      application: 'a-team-with-very-long-names-and-an-even-longer-service',
      namespace: 'a-namespace-of-no-less-than-sixty-three-characters-in-its-name-x',
      repository: 'a-repository-whose-name-nobody-types',
      ref: 'refs/heads/feature/JIRA-12345-a-branch-that-says-everything-it-does',
      path: 'environments/production/europe-west4/clusters/primary/overlays/blue',
    }),
    sampleStatus({ application: 'newcomer', sync: 'queued', health: 'unknown', path: '', wanted: 1, done: 0, ...without() }),
  ]
}

/** An application that has never been synced has no head, nothing applied and no result. */
function without(): Partial<ApplicationStatus> {
  return Object.fromEntries(['head', 'applied', 'lastResult'].map((key) => [key, undefined]))
}

/** The configuration that belongs to the samples. */
export function sampleConfiguration(names: readonly string[] = ['shop-prod'], tokens: readonly AccessToken[] = []): Configuration {
  const application = (name: string): Application => ({
    name,
    source: { repository: 'shop', ref: 'refs/heads/main', path: 'overlays/prod' },
    destination: { cluster: 'prod', namespace: 'shop', createNamespace: true },
    sync: { prune: true, selfHeal: true, partial: false, preflight: true, undeclared: 'report', healthTimeoutMs: 300_000 },
    dependsOn: [],
  })
  return {
    version: 1,
    repositories: new Map(),
    clusters: new Map(),
    applications: new Map(names.map((name) => [name, application(name)])),
    tokens: new Map(tokens.map((token) => [token.name, token])),
    logins: new Map(),
  }
}
