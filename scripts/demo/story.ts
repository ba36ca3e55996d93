import type { Changes } from '../../test/support/git-server.ts'
import type { Promised, Result } from './api.ts'
import { greeting, shopFiles, typo, typoFixed, withoutBanner } from './shop.ts'
import type { Live } from './cluster-client.ts'
import type { Stage } from './stage.ts'
import { waitFor } from './wait.ts'

/** What the story proved; the last line of `--once`. Milliseconds. */
export interface Figures {
  readonly pushToAppliedMs: number
  readonly driftHealedMs: number
  readonly rolledBack: true
  readonly pruned: number
}

const LIMIT_MS = 60_000
const ENVIRONMENTS = ['dev', 'prod'] as const

/** Tells the whole story; whatever does not happen is an Error that says so. */
export async function tellStory(stage: Stage, say: (line: string) => void, signal: AbortSignal): Promise<Figures> {
  const chapters = createChapters(stage, say, signal)
  await chapters.opening()
  await chapters.firstPush()
  const pushToAppliedMs = await chapters.smallChange()
  const driftHealedMs = await chapters.handEdit()
  await chapters.brokenCommit()
  await chapters.revert()
  const pruned = await chapters.removedFile()
  return { pushToAppliedMs, driftHealedMs, rolledBack: true, pruned }
}

function createChapters({ api, cluster, repository, lastPush }: Stage, say: (line: string) => void, signal: AbortSignal) {
  const waiting = { signal, limitMs: LIMIT_MS }

  /** Commits, sends the webhook, and waits until `isThere` holds for prod's live object. */
  const push = async (what: string, move: () => Promise<string>, path: string, isThere: (live: Live | undefined) => boolean) => {
    const revision = await move()
    say(`  push     ${revision.slice(0, 8)} ${what}`)
    const begin = performance.now()
    const delivering = api.deliver(lastPush(), repository.url)
    const visible = waitFor(
      `${what}: visible in the cluster`,
      async () => (isThere(await cluster.get(path)) ? performance.now() : undefined),
      { ...waiting, everyMs: 5 },
    )
    visible.catch(() => undefined) // told below, where it is awaited
    const promised = await delivering
    say(
      `  webhook  202 after ${elapsed(begin)}: ${promised.tickets.map(({ application, ticket }) => `${application} #${ticket}`).join(', ')}`,
    )
    // A refusal is known by its result long before the wait for the object would give up.
    const prod = await resultOf(promised, 'prod')
    if (prod.outcome !== 'synced') throw new Error(`${what}: shop-prod ended as "${prod.outcome}": ${reasonOf(prod)}`)
    const appliedMs = Math.round((await visible) - begin)
    say(`  applied  ${appliedMs} ms after the first byte of the webhook`)
    const results = [await resultOf(promised, 'dev'), prod]
    for (const result of results) {
      if (!['synced', 'not affected'].includes(result.outcome) || result.health.status !== 'current') {
        throw new Error(`${what}: ended as "${result.outcome}", health "${result.health.status}": ${reasonOf(result)}`)
      }
    }
    say(`  healthy  after ${elapsed(begin)}, dev and prod`)
    await waitFor(
      `shop-prod shown as synced to ${revision}`,
      async () => ((await api.status('shop-prod')).applied?.revision === revision ? true : undefined),
      waiting,
    )
    return { revision, appliedMs, results }
  }

  const commit = (message: string, changes: Changes) => () => repository.commit(changes, { message })

  const resultOf = async ({ tickets }: Promised, environment: string): Promise<Result> => {
    const application = `shop-${environment}`
    const ticket = tickets.find((one) => one.application === application)
    if (ticket === undefined) throw new Error(`the webhook was accepted, but there is no ticket for ${application}`)
    return api.ticketResult(application, ticket.ticket)
  }

  const versions = async (): Promise<string> => {
    const paths = ENVIRONMENTS.flatMap((environment) => [
      deployment(environment),
      config(environment),
      service(environment),
      banner(environment),
    ])
    const lives = await Promise.all(paths.map((path) => cluster.get(path)))
    // A Deployment's status may move without anybody touching it; its generation may not.
    return JSON.stringify(lives.map((live) => [live?.metadata.uid, live?.metadata.generation ?? live?.metadata.resourceVersion]))
  }

  const greets = (text: string) => (live: Live | undefined) => live?.data?.['greeting'] === text

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
      const before = await versions()
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
      if ((await versions()) !== before) throw new Error('the broken commit was refused, but objects in the cluster have changed')
      say('  cluster  nothing changed')
      await push('Fix the typo', commit('Fix the typo', { ...typoFixed, ...greeting('bonjour') }), config('prod'), greets('bonjour'))
    },

    async revert() {
      say('\n5. git revert')
      await push('Greet in Klingon', commit('Greet in Klingon', greeting('nuqneH')), config('prod'), greets('nuqneH'))
      await push('Revert "Greet in Klingon"', () => repository.revert(), config('prod'), greets('bonjour'))
      say('  back     the settings are those of the commit before')
    },

    async removedFile() {
      say('\n6. A file is removed: base/banner.yaml')
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

function deployment(environment: string): string {
  return `/apis/apps/v1/namespaces/shop-${environment}/deployments/shop`
}

function config(environment: string): string {
  return `/api/v1/namespaces/shop-${environment}/configmaps/shop`
}

function service(environment: string): string {
  return `/api/v1/namespaces/shop-${environment}/services/shop`
}

function banner(environment: string): string {
  return `/api/v1/namespaces/shop-${environment}/configmaps/shop-banner`
}

function reasonOf({ message, problem, changes }: Result): string {
  const failed = changes
    .filter(({ action }) => action === 'failed' || action === 'held')
    .map(({ reason, origin }) => (origin === undefined ? reason : `${reason} (${origin.file})`))
  return failed[0] ?? problem?.message ?? message
}

function elapsed(begin: number): string {
  const milliseconds = performance.now() - begin
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`
}
