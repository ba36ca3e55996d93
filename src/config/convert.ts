import { isImagePattern } from '../model/image.ts'
import type {
  Application,
  Cluster,
  HealthExpressions,
  PruneBudget,
  Repository,
  RetryPolicy,
  SecretReference,
  SyncWindow,
} from '../model/configuration.ts'
import { groupKindKey } from '../model/object.ts'
import { parseDuration } from '../model/duration.ts'
import { qualifyRef } from '../model/ref.ts'
import { isVersionSelector, versionSelector } from '../model/version-range.ts'
import type { Report } from './explain.ts'
import { checkUrl } from './repository-url.ts'
import { toIgnoreRule } from './ignore-rule.ts'
import type { ApplicationDocument } from './schema/application.ts'
import type { ClusterDocument } from './schema/cluster.ts'
import type { RepositoryDocument } from './schema/repository.ts'

const MINUTE = 60_000
const DAY = 86_400_000

/** A Repository document as the model has it. */
export function toRepository(document: RepositoryDocument, report: Report): Repository {
  const { spec, metadata } = document
  const allowInsecure = spec.allowInsecure ?? false
  const wrongUrl = checkUrl(spec.url, allowInsecure)
  if (wrongUrl !== undefined) report({ path: 'spec.url', message: wrongUrl })
  const { credentials, ssh, webhookSecretFrom } = spec
  return {
    name: metadata.name,
    url: spec.url,
    pollIntervalMs: interval(spec.pollInterval, 'spec.pollInterval', report),
    allowInsecure,
    ...(credentials && {
      credentials: {
        username: credentials.username ?? 'git',
        passwordFrom: reference(credentials.passwordFrom, 'spec.credentials.passwordFrom', report),
      },
    }),
    ...(ssh && {
      ssh: {
        privateKeyFrom: reference(ssh.privateKeyFrom, 'spec.ssh.privateKeyFrom', report),
        knownHostsFrom: reference(ssh.knownHostsFrom, 'spec.ssh.knownHostsFrom', report),
      },
    }),
    ...(webhookSecretFrom && { webhookSecretFrom: reference(webhookSecretFrom, 'spec.webhookSecretFrom', report) }),
  }
}

/** A Cluster document as the model has it. */
export function toCluster(document: ClusterDocument, report: Report): Cluster {
  const { spec, metadata } = document
  const common = {
    name: metadata.name,
    sweepIntervalMs: interval(spec.sweepInterval, 'spec.sweepInterval', report),
    auditIntervalMs: limited(spec.auditInterval ?? '24h', 0, 30 * DAY, 'spec.auditInterval', report),
    watch: spec.watch ?? true,
    ...(spec.namespaces && { namespaces: [...new Set(spec.namespaces)] }),
    ...(spec.requests && {
      requests: { perSecond: spec.requests.perSecond, burst: spec.requests.burst ?? Math.ceil(2 * spec.requests.perSecond) },
    }),
    ...(spec.health && { health: toHealthExpressions(spec.health, report) }),
    ...(spec.windows && { windows: toWindows(spec.windows, 'spec.windows', report) }),
  }
  if ((spec.kubeconfigFrom === undefined) === (spec.inCluster === undefined)) {
    report({ path: 'spec', message: 'must have either kubeconfigFrom: {file: PATH} or inCluster: true' })
  }
  if (spec.kubeconfigFrom === undefined) {
    for (const field of ['context', 'allowExec'] as const) {
      if (spec[field] !== undefined) report({ path: `spec.${field}`, message: 'has a meaning only with kubeconfigFrom: remove it' })
    }
    return { ...common, connection: { kind: 'in-cluster' } }
  }
  const kubeconfigFrom = reference(spec.kubeconfigFrom, 'spec.kubeconfigFrom', report)
  const context = spec.context === undefined ? {} : { context: spec.context }
  return { ...common, connection: { kind: 'kubeconfig', kubeconfigFrom, allowExec: spec.allowExec ?? false, ...context } }
}

function toRetry({ limit, backoff }: NonNullable<NonNullable<ApplicationDocument['spec']['sync']>['retry']>, report: Report): RetryPolicy {
  const path = 'spec.sync.retry.backoff'
  const initial = backoff?.initial === undefined ? {} : { initialMs: limited(backoff.initial, 1000, DAY, `${path}.initial`, report) }
  const max = backoff?.max === undefined ? {} : { maxMs: limited(backoff.max, 1000, DAY, `${path}.max`, report) }
  return { ...(limit !== undefined && { limit }), ...initial, ...max }
}

type WindowDocument = NonNullable<ClusterDocument['spec']['windows']>[number]

/** The schedules themselves are checked by whoever knows cron. */
function toWindows(written: readonly WindowDocument[], path: string, report: Report): readonly SyncWindow[] {
  return written.map(({ kind, schedule, duration, timeZone = 'UTC', manual = false, applications }, index) => ({
    kind,
    schedule,
    timeZone,
    durationMs: limited(duration, 1000, 31 * DAY, `${path}[${index}].duration`, report),
    manual,
    ...(applications && { applications }),
  }))
}

/** The expressions themselves are checked by whoever knows the language. */
function toHealthExpressions(written: NonNullable<ClusterDocument['spec']['health']>, report: Report): readonly HealthExpressions[] {
  const kinds = new Set<string>()
  return written.map(({ group = '', kind, current, inProgress, failed, message }, index) => {
    const key = groupKindKey({ group, kind })
    if (kinds.has(key)) report({ path: `spec.health[${index}]`, message: `is the second entry for ${kind}: one per group and kind` })
    kinds.add(key)
    return {
      group,
      kind,
      current,
      ...(inProgress !== undefined && { inProgress }),
      ...(failed !== undefined && { failed }),
      ...(message !== undefined && { message }),
    }
  })
}

/** An Application document as the model has it, with every default filled in. */
export function toApplication(document: ApplicationDocument, report: Report): Application {
  const {
    source,
    destination,
    sync = {},
    deletionPolicy,
    renamedFrom,
    dependsOn = [],
    suspend = false,
    suspendReason: reason,
    images,
  } = document.spec
  const ref = versionSelector(source.ref) ?? qualifyRef(source.ref)
  if (ref === undefined) report({ path: 'spec.source.ref', message: refMessage(source.ref) })
  if (reason !== undefined && !suspend) report({ path: 'spec.suspendReason', message: 'has a meaning only with suspend: true: remove it' })
  return {
    name: document.metadata.name,
    source: {
      repository: source.repository,
      ref: ref ?? '',
      path: repositoryPath(source.path ?? '', report),
      ...(source.pullRequestPlans === true && { pullRequestPlans: true }),
    },
    destination: toDestination(destination),
    sync: {
      prune: sync.prune ?? true,
      ...(sync.pruneBudget && { pruneBudget: toPruneBudget(sync.pruneBudget, report) }),
      selfHeal: sync.selfHeal ?? true,
      partial: sync.partial ?? false,
      preflight: sync.preflight ?? true,
      undeclared: sync.undeclared ?? 'report',
      ...(sync.ignore && { ignore: sync.ignore.map((rule, index) => toIgnoreRule(rule, `spec.sync.ignore[${index}]`, report)) }),
      podLogs: sync.podLogs ?? true,
      timeoutMs: limited(sync.timeout ?? '30m', 1000, DAY, 'spec.sync.timeout', report),
      ...(sync.retry && { retry: toRetry(sync.retry, report) }),
      ...(sync.windows && { windows: toWindows(sync.windows, 'spec.sync.windows', report) }),
      healthTimeoutMs: limited(sync.healthTimeout ?? '5m', 0, DAY, 'spec.sync.healthTimeout', report),
      hookTimeoutMs: limited(sync.hookTimeout ?? '10m', 1000, DAY, 'spec.sync.hookTimeout', report),
    },
    ...(deletionPolicy && { deletionPolicy }),
    ...(renamedFrom !== undefined && { renamedFrom }),
    ...(suspend && { suspend: { ...(reason !== undefined && { reason }) } }),
    dependsOn: [...new Set(dependsOn)],
    ...(images && { images: toImages(images, report) }),
  }
}

function toImages(written: readonly string[], report: Report): readonly string[] {
  for (const [index, pattern] of written.entries()) {
    if (isImagePattern(pattern)) continue
    const message = `${JSON.stringify(pattern.slice(0, 80))} is no image: write ghcr.io/acme/shop, acme/shop:1.* or ghcr.io/acme/*`
    report({ path: `spec.images[${index}]`, message })
  }
  return written
}

function toPruneBudget(written: NonNullable<NonNullable<ApplicationDocument['spec']['sync']>['pruneBudget']>, report: Report): PruneBudget {
  const { unlimited, objects, percent } = written
  // Who writes one of them means it: a default of the other must not raise the limit behind their back.
  if (unlimited !== true) return { objects: objects ?? 0, percent: percent ?? 0 }
  if (objects !== undefined || percent !== undefined)
    report({ path: 'spec.sync.pruneBudget', message: 'is either unlimited or a number of objects and percent' })
  return 'unlimited'
}

function toDestination(written: ApplicationDocument['spec']['destination']): Application['destination'] {
  const { cluster, namespace, createNamespace = true, serviceAccount } = written
  return { cluster, namespace, createNamespace, ...(serviceAccount !== undefined && { serviceAccount }) }
}

function refMessage(ref: string): string {
  if (isVersionSelector(ref)) return `${JSON.stringify(ref.slice(0, 80))} is no range of versions: write semver:^1.2 or semver:>=1.2 <2`
  if (/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/i.test(ref))
    return 'is a commit: an application follows a branch or a tag, so that Git stays the only way to change it'
  if (ref.includes('*'))
    return `${JSON.stringify(ref.slice(0, 80))} is a pattern: an application follows one branch or tag, or with semver:^1.2 the highest version among the tags`
  return `${JSON.stringify(ref.slice(0, 80))} is not a name that Git accepts for a branch or tag: write main, or refs/tags/v1`
}

/** '/'-separated, without `.` and trailing slashes; '' is the root. What leaves the repository is refused. */
function repositoryPath(text: string, report: Report): string {
  const path = 'spec.source.path'
  if (text.startsWith('/')) report({ path, message: 'must be relative to the root of the repository: remove the leading /' })
  if (text.includes('\\')) report({ path, message: 'must be written with / between folders' })
  // A control character is never part of a path that somebody meant to write.
  if ([...text].some((character) => character < ' ' || character === '\u007f')) report({ path, message: 'holds a control character' })
  const parts = text.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) report({ path, message: 'must stay inside the repository: remove ".."' })
  if (parts[0] === '.git') report({ path, message: 'must not be the .git folder' })
  return parts.join('/')
}

function interval(text: string | undefined, path: string, report: Report): number {
  return limited(text ?? '1m', 1000, DAY, path, report)
}

/** Milliseconds of a duration between two limits. */
export function limited(text: string, least: number, most: number, path: string, report: Report): number {
  const milliseconds = parseDuration(text) ?? Number.NaN
  if (milliseconds >= least && milliseconds <= most) return milliseconds
  report({ path, message: `must be between ${least === 0 ? '0' : '1s'} and ${most / DAY}d, not ${text}` })
  return MINUTE
}

/** A reference to a secret, which names exactly one place. */
export function reference(
  written: { readonly env?: string | undefined; readonly file?: string | undefined },
  path: string,
  report: Report,
): SecretReference {
  if (written.env !== undefined && written.file === undefined) return { env: written.env }
  if (written.file !== undefined && written.env === undefined) return { file: written.file }
  report({ path, message: 'must have exactly one of env and file: {env: NAME} or {file: PATH}' })
  return { env: '' }
}
