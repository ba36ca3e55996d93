import { type Request, type Response, Router } from 'express'
import type { Application } from '../model/configuration.ts'
import type { Intake, Target } from '../model/intake.ts'
import type { Trigger } from '../model/job.ts'
import { asLine } from '../model/line.ts'
import { suggestion } from '../model/nearest.ts'
import type { Confirm } from './confirmation.ts'
import { refuse, refuseUnknown } from './refusal.ts'
import { actorOf, type ViewOf } from './view.ts'
import type { Waiting } from './waiting.ts'

/**
 * Syncs by hand: `POST /applications/:name/sync` answers 202 with the ticket, or, with `?wait=`, once that is done;
 * `GET /applications/:name/tickets/:wanted?wait=` goes on waiting for a ticket. With `?revision=`, which is
 * never fetched, a wait ends with a result of that commit or of a later head. Mounted at `/api`.
 */
export function createSyncRequests(options: {
  viewOf: ViewOf
  intake: Intake
  confirm: Confirm
  waiting: Waiting
  now: () => number
}): Router {
  const { viewOf, intake, confirm, waiting, now } = options
  const router = Router()

  router.post('/applications/:name/sync', async (request, response) => {
    const { applicationOf, principal, ledger } = viewOf(request)
    const application = applicationOf(request.params.name)
    if (!application) return refuseUnknown(request, response)
    if (!isUnderstood(request, response, ['wait', 'revision', 'confirm'])) return
    const waitMs = waiting.wanted(request, response)
    if (waitMs === undefined) return
    const named = revisionOf(request, response)
    if (named === undefined) return
    const key = keyOf(request, response)
    if (key === undefined) return
    const target = targetOf(application)
    const actor = actorOf(principal)
    if (!(await confirm({ target, actor, ledger }, request, response))) return
    const trigger: Trigger = { reason: 'manual', at: now(), actor, ...named }
    // Keys are often no secret (a commit, the number of a run): nobody uses up those of others.
    const repeatable = {
      key: JSON.stringify([principal.name, key]),
      request: JSON.stringify([application.name, named.revision, request.query.confirm]),
    }
    const ticket = key === '' ? await intake.acceptTrigger(target, trigger) : await intake.acceptOnce(target, trigger, repeatable)
    if (ticket === undefined) refuse(request, response, 422, KEY_USED)
    else if (waitMs === 0) response.status(202).json({ ticket })
    else await waiting.answer(request, response, { ticket, ...named }, waitMs)
  })

  router.get('/applications/:name/tickets/:wanted', async (request, response) => {
    const application = viewOf(request).applicationOf(request.params.name)
    if (!application || !/^[1-9]\d{0,14}$/.test(request.params.wanted)) return refuseUnknown(request, response)
    if (!isUnderstood(request, response, ['wait', 'revision'])) return
    const waitMs = waiting.wanted(request, response)
    if (waitMs === undefined) return
    const named = revisionOf(request, response)
    if (named === undefined) return
    const ticket = { application: application.name, cluster: application.destination.cluster, wanted: Number(request.params.wanted) }
    await waiting.answer(request, response, { ticket, ...named }, waitMs)
  })

  return router
}

export function targetOf(application: Application): Target {
  return { application: application.name, cluster: application.destination.cluster, repository: application.source.repository }
}

const KEY_USED = {
  code: 'key-used',
  message: 'This Idempotency-Key was used for another request within the last 24 hours.',
  fix: 'Repeat a request with its own key, and give every new one a new key.',
}

/** A pipeline that misspells `revision` would take the end of another commit for that of its own. */
function isUnderstood(request: Request, response: Response, parameters: readonly string[]): boolean {
  const odd = Object.keys(request.query).find((name) => !parameters.includes(name))
  if (odd === undefined) return true
  const message = `There is no parameter ${asLine(odd).slice(0, 80)} here${suggestion(odd, parameters)}`
  refuse(request, response, 400, { code: 'bad-parameter', message, fix: 'Leave it out, or write one of those of docs/reference/api.md.' })
  return false
}

/** The commit that the request names, as a hint; undefined once the request was refused. */
function revisionOf(request: Request, response: Response): { readonly revision?: string } | undefined {
  const { revision } = request.query
  if (revision === undefined) return {}
  if (typeof revision === 'string' && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(revision)) return { revision }
  const fix = 'Write the full commit id, in lower case.'
  return void refuse(request, response, 400, { code: 'bad-revision', message: 'revision is not the id of a commit.', fix })
}

/** '' where there is none; undefined once the request was refused. */
function keyOf(request: Request, response: Response): string | undefined {
  const key = request.get('Idempotency-Key') ?? ''
  if (key === '' || /^[\x21-\x7e]{8,255}$/.test(key)) return key
  const fix = 'Write 8 to 255 printable characters without spaces: a UUID, say.'
  return void refuse(request, response, 400, { code: 'bad-key', message: 'Idempotency-Key cannot be used.', fix })
}
