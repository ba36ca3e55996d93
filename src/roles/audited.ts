import { hostname } from 'node:os'
import type { RequestHandler } from 'express'
import type { AuditEvent } from '../model/audit.ts'
import type { Configuration } from '../model/configuration.ts'
import type { GitwakeError } from '../model/error.ts'
import { displayImage } from '../model/image.ts'
import type { Intake, Target } from '../model/intake.ts'
import type { Ticket, Trigger } from '../model/job.ts'
import type { Log } from '../model/log.ts'
import type { Delivery } from '../model/push.ts'
import type { Audit } from '../record/audit/audit.ts'
import { principalOf } from '../web/view.ts'

interface Options {
  readonly audit: Audit
  readonly log: Log
  readonly now: () => number
}

/** The door of the queue, with what comes through it written down. What was done already is not refused because that fails. */
export function auditedIntake<Door extends Intake>(intake: Door, { audit, log, now }: Options): Door {
  const record = async (event: Omit<AuditEvent, 'at'>): Promise<void> => {
    await audit
      .record({ at: now(), ...event })
      .catch((error: unknown) => log.error({ ...event, err: error }, 'an action is not in the audit log'))
  }
  const recordAsked = ({ application, cluster }: Target, { actor = 'the API', reason, revision }: Trigger, { wanted }: Ticket) => {
    const named = revision === undefined ? {} : { revision }
    return record({ actor, action: 'sync asked', application, cluster, ...named, detail: { reason, ticket: wanted } })
  }
  return {
    ...intake,
    async acceptDelivery(delivery, targets, trigger) {
      const accepted = await intake.acceptDelivery(delivery, targets, trigger)
      const { provider, id, event, receivedAt: at } = delivery
      const detail = detailOf(event)
      const tickets = accepted.tickets.map(({ application, cluster, wanted }) => ({ application, cluster, wanted }))
      const revision = event.kind === 'push' && event.after !== undefined ? { revision: event.after } : {}
      const actor = event.kind !== 'ignored' && event.actor !== undefined ? `${event.actor} (${provider})` : provider
      if (!accepted.duplicate)
        audit.note({ at, actor, action: 'delivery', ...revision, detail: { delivery: id, provider, ...detail, tickets } })
      return accepted
    },
    async acceptTrigger(target, trigger) {
      const ticket = await intake.acceptTrigger(target, trigger)
      await recordAsked(target, trigger, ticket)
      return ticket
    },
    async acceptOnce(target, trigger, repeatable) {
      const ticket = await intake.acceptOnce(target, trigger, repeatable)
      if (ticket !== undefined) await recordAsked(target, trigger, ticket)
      return ticket
    },
    async confirmPlan(target, digest, actor) {
      await intake.confirmPlan(target, digest, actor)
      const { application, cluster } = target
      await record({ actor, action: 'plan confirmed', application, cluster, detail: { plan: digest } })
    },
    async depart(target, departure, actor) {
      await intake.depart(target, departure, actor)
      const { application, cluster } = target
      await record({ actor, action: 'departure asked', application, cluster, detail: { departure } })
    },
    async say(target, standing) {
      await intake.say(target, standing)
      const { application, cluster } = target
      const { suspension, pin } = standing
      if (suspension !== undefined) {
        const { active, by, reason } = suspension
        await record({ actor: by, action: active ? 'suspended' : 'resumed', application, cluster, detail: { reason } })
      }
      if (pin !== undefined) {
        const { active, by, reason, revision, bad } = pin
        await record({ actor: by, action: active ? 'rolled back' : 'unpinned', application, cluster, revision, detail: { reason, bad } })
      }
    },
  }
}

function detailOf(event: Delivery['event']): Readonly<Record<string, unknown>> {
  switch (event.kind) {
    case 'push':
      return { event: 'push', ref: event.ref, before: event.before }
    case 'image':
      return { event: 'image', images: event.images.map(displayImage) }
    case 'pull request':
      return { event: 'pull request', number: event.number, action: event.action, source: event.source, target: event.target }
    case 'ignored':
      return { event: event.event, ignored: event.reason }
  }
}

/** The queue UI, with whatever it changes written down. */
export function auditedQueueUi(queueUi: RequestHandler, { audit, now }: Options): RequestHandler {
  return (request, response, next) => {
    const { method, originalUrl: address } = request
    response.once('finish', () => {
      if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return
      const actor = principalOf(response)?.name ?? 'the queue UI'
      audit.note({ at: now(), actor, action: 'queue operated', detail: { method, address, status: response.statusCode } })
    })
    return queueUi(request, response, next)
  }
}

/** Writes down which configuration runs from now on, and which was refused. */
export function auditConfiguration({ audit, now }: Options) {
  const actor = `the files of ${hostname()}`
  return {
    accepted: ({ version, applications, clusters, repositories }: Configuration): void =>
      audit.note({
        at: now(),
        actor,
        action: 'configuration accepted',
        detail: { version, applications: [...applications.keys()], clusters: [...clusters.keys()], repositories: [...repositories.keys()] },
      }),
    refused: ({ code, message }: GitwakeError): void =>
      audit.note({ at: now(), actor, action: 'configuration refused', detail: { code, message } }),
  }
}
