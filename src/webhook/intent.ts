import { displayImage } from '../model/image.ts'
import type { Target } from '../model/intake.ts'
import type { Trigger } from '../model/job.ts'
import { asLine } from '../model/line.ts'
import type { Delivery, Ignored, ImagePush, PullRequest, Push, Rename } from '../model/push.ts'
import { normaliseRepositoryUrl } from '../model/repository-url.ts'
import type { Match } from './match.ts'
import type { Announcement } from './provider.ts'

/** What an authentic delivery comes to: whom it wakes, or why nobody. */
export interface Intent {
  readonly event: Push | ImagePush | PullRequest | Ignored
  readonly targets: readonly Target[]
  /** Present where there are no targets. */
  readonly ignored?: string
  /** What a person has to do. */
  readonly warning?: string
}

/** Pure. Of several pushes the first that wakes somebody stands for the delivery; a deleted ref wakes nobody. */
export function intentOf(announcement: Announcement, match: Match, repository: string | undefined): Intent {
  if ('kind' in announcement) return intentOfOther(announcement, match, repository)
  const [first] = announcement
  const pushes = announcement.filter((push) => !push.deleted)
  if (pushes.length === 0) {
    const reason = `${first.ref.startsWith('refs/tags/') ? 'tag' : 'branch'} deleted: nothing is pruned`
    return ignoring({ kind: 'ignored', event: 'push', reason })
  }
  const woken = pushes.map((push) => ({ push, targets: match.targets(push, repository) })).filter(({ targets }) => targets.length > 0)
  const event = woken[0]?.push ?? pushes[0] ?? first
  if (woken.length === 0) return { event, targets: [], ignored: whyNobody(event, match.repositories(event, repository)) }
  const targets = new Map(woken.flatMap((entry) => entry.targets).map((target) => [target.application, target]))
  return { event, targets: [...targets.values()] }
}

/** Tells a branch that nobody follows from a repository that the configuration does not have, or has by another URL. */
function whyNobody({ ref, repositoryUrls }: Push, names: readonly string[]): string {
  if (names.length > 0) return `no application follows ${ref} of ${namesOf(names)}`
  const [place] = repositoryUrls.flatMap((url) => normaliseRepositoryUrl(url) ?? [])
  return place === undefined ? 'it names no repository by a URL' : `the configuration has no Repository at ${asLine(place)}`
}

function namesOf(repositories: readonly string[]): string {
  return repositories.map((name) => `Repository ${name}`).join(', ')
}

function intentOfOther(event: ImagePush | PullRequest | Rename | Ignored, match: Match, repository: string | undefined): Intent {
  switch (event.kind) {
    case 'image':
      return listenersOf(event, match, repository)
    case 'pull request':
      return { event, targets: [], ignored: pullRequestStartsNothing(event) }
    case 'rename':
      return intentOfRename(event, match, repository)
    case 'ignored':
      return ignoring(event)
  }
}

/** Why nothing is done for a pull request, and what can be. */
function pullRequestStartsNothing({ number, action }: PullRequest): string {
  return `pull request ${number} ${action}: it starts nothing by itself (gitwake plan APPLICATION --pull ${number} shows what it would change)`
}

/** Redirects are never followed, so nothing is fetched under the old name any more: only the configuration says which repository is meant. */
function intentOfRename(rename: Rename, match: Match, repository: string | undefined): Intent {
  const { event, from, to } = rename
  const names = [...new Set(match.targets(rename, repository).map((target) => target.repository))]
  const what = `the repository ${from.path} is now called ${to}`
  if (names.length === 0) return ignoring({ kind: 'ignored', event, reason: `${what}: no application uses it` })
  const warning = `${what}: write its new URL into spec.url of ${namesOf(names)}`
  return { ...ignoring({ kind: 'ignored', event, reason: warning }), warning }
}

function ignoring(event: Ignored): Intent {
  return { event, targets: [], ignored: event.reason }
}

function listenersOf(event: ImagePush, match: Match, repository: string | undefined): Intent {
  const targets = match.targets(event, repository)
  if (targets.length > 0) return { event, targets }
  return { event, targets, ignored: `no application listens to ${event.images.map(displayImage).join(', ')}` }
}

/** All objects, whatever their metadata says: what has changed is what a tag means, and admission may write that down. */
const EVERYTHING = { from: 0, to: 2, intervalMs: 1 }

/** Why the targets are to be synced. Of several pushes none is named: their revisions differ. An image brings no commit. */
export function triggerOf(delivery: Delivery, announcement: Announcement): Trigger {
  const { event } = delivery
  if (event.kind === 'image') {
    const { provider, id, receivedAt: at } = delivery
    return { reason: 'drift', at, delivery: { provider, id }, audit: EVERYTHING, ...(event.actor !== undefined && { actor: event.actor }) }
  }
  const push = delivery.event.kind === 'push' ? delivery.event : undefined
  const single = !('kind' in announcement) && announcement.length === 1
  return {
    reason: 'push',
    at: delivery.receivedAt,
    delivery: { provider: delivery.provider, id: delivery.id },
    ...(push?.actor !== undefined && { actor: push.actor }),
    ...(push?.after !== undefined && single && { revision: push.after }),
  }
}
