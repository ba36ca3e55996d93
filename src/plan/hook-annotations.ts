import type { HookDeletePolicy, HookPhase } from '../model/hook.ts'
import { suggestion } from '../model/nearest.ts'

/** What an object's annotations say of it as a hook (docs/guides/order.md). */
export interface HookPolicy {
  /** None where another tool's hook has no counterpart here: it is never run, and never applied as an ordinary object. */
  readonly phases: readonly HookPhase[]
  readonly deletePolicies: readonly HookDeletePolicy[]
  /** One sentence for each value of ours that says nothing we know. */
  readonly wrong: readonly string[]
}

const HOOK = 'gitwake.dev/hook'
const DELETE_POLICY = 'gitwake.dev/hook-delete-policy'
const ARGO_HOOK = 'argocd.argoproj.io/hook'
const ARGO_DELETE_POLICY = 'argocd.argoproj.io/hook-delete-policy'
const HELM_HOOK = 'helm.sh/hook'
const HELM_DELETE_POLICY = 'helm.sh/hook-delete-policy'
const HELM_WEIGHT = 'helm.sh/hook-weight'

const PHASES: Readonly<Record<string, HookPhase>> = {
  'pre-sync': 'pre-sync',
  sync: 'sync',
  'post-sync': 'post-sync',
  'sync-fail': 'sync-fail',
  'post-delete': 'post-delete',
}
const POLICIES: Readonly<Record<string, HookDeletePolicy>> = {
  'before-creation': 'before-creation',
  succeeded: 'succeeded',
  failed: 'failed',
}
const ARGO_PHASES: Readonly<Record<string, HookPhase>> = {
  PreSync: 'pre-sync',
  Sync: 'sync',
  PostSync: 'post-sync',
  SyncFail: 'sync-fail',
  PostDelete: 'post-delete',
}
const ARGO_POLICIES: Readonly<Record<string, HookDeletePolicy>> = {
  BeforeHookCreation: 'before-creation',
  HookSucceeded: 'succeeded',
  HookFailed: 'failed',
}
/** As Argo CD maps them; an installation and an upgrade are the same to who knows only syncs. */
const HELM_PHASES: Readonly<Record<string, HookPhase>> = {
  'pre-install': 'pre-sync',
  'pre-upgrade': 'pre-sync',
  'post-install': 'post-sync',
  'post-upgrade': 'post-sync',
  'post-delete': 'post-delete',
}
const HELM_POLICIES: Readonly<Record<string, HookDeletePolicy>> = {
  'before-hook-creation': 'before-creation',
  'hook-succeeded': 'succeeded',
  'hook-failed': 'failed',
}

/** Reads whether an object is a hook; undefined for an ordinary one. Ours decide over Argo CD's, those over Helm's. Pure. */
export function readHook(annotations: Readonly<Record<string, string>>): HookPolicy | undefined {
  const { [HOOK]: own, [ARGO_HOOK]: argo, [HELM_HOOK]: helm } = annotations
  if (own !== undefined) {
    const policies = annotations[DELETE_POLICY] ?? ''
    const wrong = [...unknown(HOOK, own, PHASES), ...unknown(DELETE_POLICY, policies, POLICIES)]
    const none = own.trim() === '' ? [`annotation ${HOOK} is empty`] : []
    return { phases: known(own, PHASES), deletePolicies: policiesOf(policies, POLICIES), wrong: [...none, ...wrong] }
  }
  // `Skip` is no hook but an object that is left alone (annotations.ts); what Helm installs first is ordinary here.
  if (argo !== undefined && argo.trim() !== 'Skip')
    return { phases: known(argo, ARGO_PHASES), deletePolicies: policiesOf(annotations[ARGO_DELETE_POLICY], ARGO_POLICIES), wrong: [] }
  if (argo === undefined && helm !== undefined && helm.trim() !== 'crd-install')
    return { phases: known(helm, HELM_PHASES), deletePolicies: policiesOf(annotations[HELM_DELETE_POLICY], HELM_POLICIES), wrong: [] }
  return undefined
}

/** The order inside a phase that Helm's weight asks for; undefined without one. */
export function hookWeight(annotations: Readonly<Record<string, string>>): number | undefined {
  const weight = annotations[HELM_WEIGHT]?.trim()
  return weight !== undefined && /^[+-]?\d{1,6}$/.test(weight) ? Number(weight) : undefined
}

function words(value: string): string[] {
  return value.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]))
}

function known<Word>(value: string, table: Readonly<Record<string, Word>>): Word[] {
  return [...new Set(words(value).flatMap((word) => (Object.hasOwn(table, word) ? (table[word] ?? []) : [])))]
}

function policiesOf(value: string | undefined, table: Readonly<Record<string, HookDeletePolicy>>): HookDeletePolicy[] {
  const policies = known(value ?? '', table)
  return policies.length === 0 ? ['before-creation'] : policies
}

function unknown(name: string, value: string, table: Readonly<Record<string, unknown>>): string[] {
  return words(value)
    .filter((word) => !Object.hasOwn(table, word))
    .map((word) => `annotation ${name} knows no ${JSON.stringify(word.slice(0, 60))}${suggestion(word, Object.keys(table))}`)
}
