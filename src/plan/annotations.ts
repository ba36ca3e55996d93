import { suggestion } from '../model/nearest.ts'
import { PRUNE_ANNOTATION } from '../model/names.ts'

/** What an object's annotations ask for (docs/reference/annotations.md). */
export interface ObjectPolicy {
  /** `default`: what the application's settings and the kind say. */
  readonly prune: 'default' | 'enabled' | 'disabled' | 'confirm'
  /** `create-only`: made where it is missing, then left alone; `never`: neither written nor pruned. */
  readonly apply: 'always' | 'create-only' | 'never'
  /** Delete and create anew where a field cannot be changed on a live object. */
  readonly recreate: boolean
  /** In place of the application's own setting. */
  readonly undeclared: 'report' | 'remove' | undefined
  /** Smaller ones first, inside a stage; 0 where nothing is said. */
  readonly wave: number | undefined
}

export interface ReadAnnotations {
  readonly policy: ObjectPolicy
  /** One sentence for each annotation of ours that says nothing we know. */
  readonly wrong: readonly string[]
}

const DEFAULT: ObjectPolicy = { prune: 'default', apply: 'always', recreate: false, undeclared: undefined, wave: undefined }

/** A value in the words of the policy, or undefined where the annotation does not know it. */
type Reader = (value: string) => Partial<ObjectPolicy> | undefined

const word =
  (words: Readonly<Record<string, Partial<ObjectPolicy>>>): Reader =>
  (value) =>
    Object.hasOwn(words, value) ? words[value] : undefined

const wave: Reader = (value) => (/^[+-]?\d{1,6}$/.test(value) ? { wave: Number(value) } : undefined)

/** Argo CD's comma-separated options; those that concern only how Argo CD itself works say nothing to us. */
const options =
  (words: Readonly<Record<string, Partial<ObjectPolicy>>>): Reader =>
  (value) =>
    Object.assign({}, ...value.split(',').map((option) => words[option.trim()] ?? {})) as Partial<ObjectPolicy>

/**
 * In order: a later one wins, so that ours decide. Meanings as in Flux's Kustomization API ("Controlling the apply behavior of
 * resources") and Argo CD's sync options.
 */
const FOREIGN: Readonly<Record<string, Reader>> = {
  'argocd.argoproj.io/sync-options': options({
    'Prune=false': { prune: 'disabled' },
    'Prune=confirm': { prune: 'confirm' },
    'Delete=false': { prune: 'disabled' },
    'Delete=confirm': { prune: 'confirm' },
    'Force=true': { recreate: true },
  }),
  'argocd.argoproj.io/compare-options': options({ IgnoreExtraneous: { prune: 'disabled' } }),
  'argocd.argoproj.io/sync-wave': wave,
  'argocd.argoproj.io/hook': word({ Skip: { apply: 'never' } }),
  'kustomize.toolkit.fluxcd.io/prune': word({ disabled: { prune: 'disabled' } }),
  'kustomize.toolkit.fluxcd.io/force': word({ enabled: { recreate: true } }),
  'kustomize.toolkit.fluxcd.io/ssa': word({
    Override: { undeclared: 'remove' },
    Merge: { undeclared: 'report' },
    IfNotPresent: { apply: 'create-only' },
    Ignore: { apply: 'never' },
  }),
  'kustomize.toolkit.fluxcd.io/reconcile': word({ disabled: { apply: 'never', prune: 'disabled' } }),
}

const OWN: Readonly<Record<string, { readonly words: string; readonly read: Reader }>> = {
  [PRUNE_ANNOTATION]: {
    words: 'enabled, disabled or confirm',
    read: word({ enabled: { prune: 'enabled' }, disabled: { prune: 'disabled' }, confirm: { prune: 'confirm' } }),
  },
  'gitwake.dev/apply': {
    words: 'always, create-only or never',
    read: word({ always: { apply: 'always' }, 'create-only': { apply: 'create-only' }, never: { apply: 'never' } }),
  },
  'gitwake.dev/force': { words: 'enabled or disabled', read: word({ enabled: { recreate: true }, disabled: { recreate: false } }) },
  'gitwake.dev/wave': { words: 'a whole number', read: wave },
}
/** Of the same family, read elsewhere. */
const ELSEWHERE = ['gitwake.dev/hook', 'gitwake.dev/hook-delete-policy']

/** Reads gitwake's own annotations, and those of Flux and Argo CD that mean the same. Pure; unknown values of others are none of our business. */
export function readAnnotations(annotations: Readonly<Record<string, string>>): ReadAnnotations {
  let policy = DEFAULT
  for (const [name, read] of Object.entries(FOREIGN)) {
    const value = annotations[name]
    if (value !== undefined) policy = { ...policy, ...read(value.trim()) }
  }
  const wrong: string[] = []
  for (const [name, value] of Object.entries(annotations)) {
    if (!name.startsWith('gitwake.dev/')) continue
    const own = Object.hasOwn(OWN, name) ? OWN[name] : undefined
    const meant = own?.read(value.trim())
    if (meant !== undefined) policy = { ...policy, ...meant }
    else if (own !== undefined) wrong.push(`annotation ${name} must be ${own.words}, not ${JSON.stringify(value.slice(0, 60))}`)
    else if (!ELSEWHERE.includes(name)) wrong.push(`there is no annotation ${name}${suggestion(name, [...Object.keys(OWN), ...ELSEWHERE])}`)
  }
  return { policy, wrong }
}

/** Whether an object with these annotations is ours to write at all. */
export function isApplied(annotations: Readonly<Record<string, string>> | undefined): boolean {
  return annotations === undefined || readAnnotations(annotations).policy.apply !== 'never'
}

/** The wave that an object's annotations ask for, 0 without. */
export function waveOf(annotations: Readonly<Record<string, string>> | undefined): number {
  return annotations === undefined ? 0 : (readAnnotations(annotations).policy.wave ?? 0)
}
