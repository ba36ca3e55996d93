import type { Request, Response } from 'express'
import type { Intake, Ledger, Target } from '../model/intake.ts'
import type { Planner } from '../model/plan-report.ts'
import type { SyncResult } from '../model/result.ts'
import { refuse } from './refusal.ts'

const PLAN_DIGEST = /^[\w:=+.-]{1,200}$/

/** Writes down a person's word for a held plan, where one was given; false once the request was refused. */
export type Confirm = (
  word: { readonly target: Target; readonly actor: string; readonly ledger: Ledger },
  request: Request,
  response: Response,
) => Promise<boolean>

export function createConfirm({ intake, planner }: { readonly intake: Intake; readonly planner: Planner }): Confirm {
  return async ({ target, actor, ledger }, request, response) => {
    const plan = request.query.confirm
    if (plan === undefined) return true
    if (typeof plan !== 'string' || !PLAN_DIGEST.test(plan)) {
      const fix = 'Take it from the held result: it is the value of "plan".'
      refuse(request, response, 400, { code: 'bad-confirm', message: 'confirm is not the digest of a plan.', fix })
      return false
    }
    const held = await heldNow(ledger, target)
    if (held !== undefined && held !== plan && !(await isPlanned(planner, target, plan))) {
      refuse(request, response, 409, stalePlan(target, request, held))
      return false
    }
    await intake.confirmPlan(target, plan, actor)
    return true
  }
}

/** The digest of what is held, where nothing newer is on its way: then a worker would only hold it again. */
async function heldNow(ledger: Ledger, { application, cluster }: Target): Promise<string | undefined> {
  const status = await ledger.status(application)
  if (status !== undefined && status.wanted > status.done) return undefined
  const newest: SyncResult | undefined = status?.lastResult ?? (await ledger.history(application, 1))[0]
  return newest?.outcome === 'held' && newest.cluster === cluster ? newest.plan : undefined
}

/** A plan that was made after the hold may have shown another digest. */
async function isPlanned(planner: Planner, target: Target, digest: string): Promise<boolean> {
  return (await planner.find(target, { of: 'head' }, 0))?.held?.digest === digest
}

function stalePlan({ application }: Target, { path }: Request, held: string) {
  return {
    code: 'stale-plan',
    message: `what was confirmed is not what ${application} holds now; nothing was asked for.`,
    fix: `Read the held changes again; to carry out exactly those: POST /api${path}?confirm=${held}.`,
  }
}
