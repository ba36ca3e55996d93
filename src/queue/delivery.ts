import { hash } from 'node:crypto'
import { displayImage } from '../model/image.ts'
import type { StoredDelivery, Target } from '../model/intake.ts'
import type { Delivery } from '../model/push.ts'

/** Names a delivery by provider, id and body: the same id with another body is another delivery. Safe in a Redis field and a list entry. */
export function deliveryMark({ provider, id, bodyDigest }: Delivery): string {
  return hash('sha256', `${provider}\n${id}\n${bodyDigest}`, 'base64url').slice(0, 22)
}

/** Where a delivery is recorded: a repository's own webhook wakes others than the common one does, which may bring the same. */
export function recordName(delivery: Delivery): string {
  const mark = deliveryMark(delivery)
  return delivery.repository === undefined ? mark : `${mark}/${delivery.repository}`
}

export function recordOf({ provider, id, receivedAt, event, ignored }: Delivery, targets: readonly Target[]): StoredDelivery {
  const common = {
    provider,
    id,
    receivedAt,
    targets: targets.map(({ application, cluster }) => ({ application, cluster })),
    ...(ignored !== undefined && { ignored }),
  }
  if (event.kind === 'image')
    return {
      ...common,
      event: 'image',
      images: event.images.map(displayImage),
      ...(event.actor !== undefined && { actor: event.actor }),
    }
  if (event.kind === 'pull request') {
    const { number, action, source, target, revision, isFork, actor } = event
    return {
      ...common,
      event: 'pull request',
      pullRequest: { number, action, source, target, isFork, ...(revision !== undefined && { revision }) },
      ...(actor !== undefined && { actor }),
    }
  }
  if (event.kind === 'ignored') return { ...common, event: event.event }
  return {
    ...common,
    event: 'push',
    ref: event.ref,
    ...(event.after !== undefined && { after: event.after }),
    ...(event.actor !== undefined && { actor: event.actor }),
  }
}
