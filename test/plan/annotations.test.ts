import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readAnnotations, type ObjectPolicy } from '../../src/plan/annotations.ts'

describe('annotations of an object', () => {
  const nothing: ObjectPolicy = { prune: 'default', apply: 'always', recreate: false, undeclared: undefined, wave: undefined }
  const cases: readonly (readonly [Record<string, string>, Partial<ObjectPolicy>])[] = [
    [{}, {}],
    [{ 'gitwake.dev/prune': 'enabled' }, { prune: 'enabled' }],
    [{ 'gitwake.dev/prune': 'disabled' }, { prune: 'disabled' }],
    [{ 'gitwake.dev/prune': 'confirm' }, { prune: 'confirm' }],
    [{ 'gitwake.dev/apply': 'create-only' }, { apply: 'create-only' }],
    [{ 'gitwake.dev/apply': 'never' }, { apply: 'never' }],
    [{ 'gitwake.dev/force': 'enabled' }, { recreate: true }],
    [{ 'gitwake.dev/wave': '-3' }, { wave: -3 }],
    [{ 'kustomize.toolkit.fluxcd.io/prune': 'disabled' }, { prune: 'disabled' }],
    [{ 'kustomize.toolkit.fluxcd.io/force': 'enabled' }, { recreate: true }],
    [{ 'kustomize.toolkit.fluxcd.io/ssa': 'Override' }, { undeclared: 'remove' }],
    [{ 'kustomize.toolkit.fluxcd.io/ssa': 'Merge' }, { undeclared: 'report' }],
    [{ 'kustomize.toolkit.fluxcd.io/ssa': 'IfNotPresent' }, { apply: 'create-only' }],
    [{ 'kustomize.toolkit.fluxcd.io/ssa': 'Ignore' }, { apply: 'never' }],
    [{ 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' }, { apply: 'never', prune: 'disabled' }],
    [{ 'argocd.argoproj.io/sync-wave': '5' }, { wave: 5 }],
    [{ 'argocd.argoproj.io/sync-options': 'Prune=false, Force=true' }, { prune: 'disabled', recreate: true }],
    [{ 'argocd.argoproj.io/sync-options': 'Delete=confirm' }, { prune: 'confirm' }],
    [{ 'argocd.argoproj.io/sync-options': 'ServerSideApply=true' }, {}],
    [{ 'argocd.argoproj.io/compare-options': 'IgnoreExtraneous' }, { prune: 'disabled' }],
    [{ 'gitwake.dev/prune': 'enabled', 'argocd.argoproj.io/sync-options': 'Prune=false' }, { prune: 'enabled' }],
    [{ 'gitwake.dev/wave': '1', 'argocd.argoproj.io/sync-wave': '9' }, { wave: 1 }],
    [{ 'gitwake.dev/force': 'disabled', 'kustomize.toolkit.fluxcd.io/force': 'enabled' }, { recreate: false }],
    [{ 'kustomize.toolkit.fluxcd.io/prune': 'nonsense', 'argocd.argoproj.io/sync-options': '__proto__,toString' }, {}],
  ]
  for (const [annotations, expected] of cases) {
    it(JSON.stringify(annotations), () =>
      assert.deepEqual(readAnnotations(annotations), { policy: { ...nothing, ...expected }, wrong: [] }),
    )
  }

  const mistakes: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ 'gitwake.dev/prune': 'disbled' }, /gitwake.dev\/prune must be enabled, disabled or confirm, not "disbled"/],
    [{ 'gitwake.dev/wave': 'first' }, /must be a whole number, not "first"/],
    [{ 'gitwake.dev/apply': 'toString' }, /must be always, create-only or never/],
    [{ 'gitwake.dev/prunes': 'enabled' }, /there is no annotation gitwake.dev\/prunes; did you mean "gitwake.dev\/prune"\?/],
  ]
  for (const [annotations, message] of mistakes) {
    it(`refuses ${JSON.stringify(annotations)}`, () => assert.match(readAnnotations(annotations).wrong.join('\n'), message))
  }

  it('leaves annotations of hooks to whoever reads them', () =>
    assert.deepEqual(readAnnotations({ 'gitwake.dev/hook': 'pre-sync', 'gitwake.dev/hook-delete-policy': 'failed' }).wrong, []))
})
