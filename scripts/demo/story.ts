import { ENVIRONMENTS, createMoves } from './moves.ts'
import { banner, config, deployment } from './objects.ts'
import { crashFixed, crashing, greeting, shopFiles, typo, typoFixed, withoutBanner } from './shop.ts'
import type { Stage } from './stage.ts'
import { elapsed, reasonOf } from './telling.ts'
import { waitFor } from './wait.ts'

/** What the story proved; the last line of `--once`. Milliseconds. */
export interface Figures {
  readonly pushToAppliedMs: number
  readonly driftHealedMs: number
  readonly rolledBack: true
  readonly pruned: number
}

/** Tells the whole story; whatever does not happen is an Error that says so. */
export async function tellStory(stage: Stage, say: (line: string) => void, signal: AbortSignal): Promise<Figures> {
  const chapters = createChapters(stage, say, signal)
  await chapters.opening()
  await chapters.firstPush()
  const pushToAppliedMs = await chapters.smallChange()
  const driftHealedMs = await chapters.handEdit()
  await chapters.brokenCommit()
  await chapters.crashingCommit()
  await chapters.revert()
  const pruned = await chapters.removedFile()
  return { pushToAppliedMs, driftHealedMs, rolledBack: true, pruned }
}

function createChapters(stage: Stage, say: (line: string) => void, signal: AbortSignal) {
  const { api, cluster, repository, lastPush } = stage
  const { waiting, push, commit, resultOf, snapshot, greets } = createMoves(stage, say, signal)

  return {
    async opening() {
      say('\n0. gitwake finds a repository with two overlays and syncs them on its own')
      const begin = performance.now()
      for (const environment of ENVIRONMENTS) {
        await waitFor(
          `shop-${environment} synced at the start`,
          async () => {
            const { sync, applied } = await api.status(`shop-${environment}`)
            return sync === 'synced' && applied !== undefined ? true : undefined
          },
          { ...waiting, everyMs: 50 },
        )
      }
      say(`  synced   after ${elapsed(begin)}: namespaces shop-dev and shop-prod`)
    },

    async firstPush() {
      say('\n1. A push brings the shop: Deployment, Service, ConfigMaps')
      await push('Open the shop', commit('Open the shop', shopFiles), deployment('prod'), (live) => live?.spec?.replicas === 3)
    },

    async smallChange() {
      say('\n2. A small change: one line of the settings')
      const { appliedMs } = await push('Greet in Spanish', commit('Greet in Spanish', greeting('hola')), config('prod'), greets('hola'))
      return appliedMs
    },

    async handEdit() {
      say('\n3. Somebody edits production by hand: kubectl edit deployment shop (replicas: 3 → 1)')
      const before = Date.now()
      const begin = performance.now()
      const edited = await cluster.edit(deployment('prod'), { spec: { replicas: 1 } })
      if (edited.spec?.replicas !== 1) throw new Error('the hand edit was not taken by the API server')
      const replicas = async (): Promise<number | undefined> =>
        (await cluster.get(deployment('prod')))?.spec?.replicas === 3 ? performance.now() : undefined
      const healedMs = Math.round((await waitFor('the hand edit healed (replicas: 3)', replicas, waiting)) - begin)
      const drift = await waitFor(
        'the drift told in the history of shop-prod, with field and manager',
        async () => {
          const recent = (await api.history('shop-prod')).filter(({ startedAt }) => startedAt >= before)
          return recent
            .flatMap(({ changes }) => changes.flatMap((change) => change.drift ?? []))
            .find(({ field }) => field === 'spec.replicas')
        },
        waiting,
      )
      if (drift.manager !== 'kubectl-edit')
        throw new Error(`the drift of spec.replicas was told without its manager kubectl-edit: ${JSON.stringify(drift)}`)
      say(`  drift    Deployment/shop-prod/shop: ${drift.field}, changed by ${drift.manager}`)
      say(`  healed   ${healedMs} ms after the edit: replicas is 3 again`)
      return healedMs
    },

    async brokenCommit() {
      say('\n4. A broken commit: replcias instead of replicas')
      const before = await snapshot()
      const revision = await commit('Update the image', typo)()
      say(`  push     ${revision.slice(0, 8)} Update the image`)
      const begin = performance.now()
      const promised = await api.deliver(lastPush(), repository.url)
      for (const environment of ENVIRONMENTS) {
        const result = await resultOf(promised, environment)
        if (result.outcome !== 'failed')
          throw new Error(`the broken commit ended as "${result.outcome}" for shop-${environment}: ${result.message}`)
        if (!reasonOf(result).includes('replcias')) throw new Error(`the refusal does not name the typo: ${reasonOf(result)}`)
        say(`  refused  shop-${environment} after ${elapsed(begin)}: ${reasonOf(result)}`)
      }
      if ((await snapshot()) !== before) throw new Error('the broken commit was refused, but objects in the cluster have changed')
      say('  cluster  nothing changed')
      await push('Fix the typo', commit('Fix the typo', { ...typoFixed, ...greeting('bonjour') }), config('prod'), greets('bonjour'))
    },

    async crashingCommit() {
      say('\n5. A commit whose container crashes')
      const revision = await commit('Update the image again', crashing)()
      say(`  push     ${revision.slice(0, 8)} Update the image again`)
      const begin = performance.now()
      const promised = await api.deliver(lastPush(), repository.url)
      for (const environment of ENVIRONMENTS) {
        const { outcome, health, message } = await resultOf(promised, environment)
        const [sick] = health.objects
        if (outcome !== 'synced' || health.status !== 'failed' || sick?.log === undefined)
          throw new Error(`the crash ended as "${outcome}", health "${health.status}" for shop-${environment}: ${message}`)
        say(`  failed   shop-${environment} after ${elapsed(begin)}: ${sick.message}`)
        for (const line of sick.log) say(`           | ${line}`)
      }
      await push('Fix the crash', commit('Fix the crash', { ...crashFixed, ...greeting('bonsoir') }), config('prod'), greets('bonsoir'))
    },

    async revert() {
      say('\n6. git revert')
      await push('Greet in Klingon', commit('Greet in Klingon', greeting('nuqneH')), config('prod'), greets('nuqneH'))
      await push('Revert "Greet in Klingon"', () => repository.revert(), config('prod'), greets('bonsoir'))
      say('  back     the settings are those of the commit before')
    },

    async removedFile() {
      say('\n7. A file is removed: base/banner.yaml')
      const { results } = await push(
        'Take the banner down',
        commit('Take the banner down', withoutBanner),
        banner('prod'),
        (live) => live === undefined,
      )
      if ((await cluster.get(banner('dev'))) !== undefined) throw new Error('the banner is still in shop-dev')
      const pruned = results.flatMap(({ changes }) => changes).filter(({ action }) => action === 'pruned')
      if (pruned.length === 0) throw new Error('the banner is gone, but no result tells that it was pruned')
      for (const { object } of pruned) say(`  pruned   ${object.kind}/${object.namespace}/${object.name}`)
      return pruned.length
    },
  }
}
