import type { Health } from '../model/health.ts'
import type { Json } from '../model/json.ts'
import type { LiveObject } from '../model/object.ts'
import { at, conditionOf, integerAt, listAt, textAt } from './fields.ts'
import { current, failed, inProgress } from './verdict.ts'

/** How long a Pod may go without a node before that is a failure: nodes come and go. */
const SCHEDULE_WINDOW_MS = 15_000
/** How long a container may wait for a ConfigMap or Secret that an operator is about to make. */
const CONFIGURATION_WINDOW_MS = 30_000

/** Waiting reasons that do not go away by themselves. */
const HOPELESS: ReadonlySet<string> = new Set([
  'CrashLoopBackOff',
  'ImagePullBackOff',
  'ErrImagePull',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
])
const PATIENT: ReadonlySet<string> = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'])

export function podHealth(object: LiveObject, now: number): Health {
  const phase = textAt(object, 'status', 'phase')
  if (phase === 'Succeeded') return current('The Pod has completed')
  // As kstatus has it: a Pod that ended is where it will stay, and whoever owns it judges.
  if (phase === 'Failed') return current(`The Pod has completed, but not successfully${because(object)}`)
  if (phase === 'Running' && conditionOf(object, 'Ready')?.status === 'True') return current('The Pod is ready')
  const trouble = podTrouble(object, now)
  if (trouble !== undefined) return failed(trouble.message)
  if (phase === 'Running') {
    const why = conditionOf(object, 'Ready')?.message ?? ''
    return inProgress(`The Pod runs but is not ready yet${why === '' ? '' : `: ${why}`}`)
  }
  if (phase === 'Pending') return inProgress(isUnschedulable(object) ? 'The Pod waits for a node' : 'The Pod is starting')
  return inProgress('The Pod has not been looked at yet')
}

/** What keeps a Pod from getting ready, and the container at fault where there is one that has run. */
export interface PodTrouble {
  /** A sentence for people. */
  readonly message: string
  readonly container?: string
}

/** Why a Pod will not get ready by itself; undefined while it may. */
export function podTrouble(object: LiveObject, now: number): PodTrouble | undefined {
  for (const container of containersOf(object)) {
    const waiting = textAt(container, 'state', 'waiting', 'reason')
    if (HOPELESS.has(waiting) || (PATIENT.has(waiting) && ageOf(object, now) > CONFIGURATION_WINDOW_MS))
      return containerTrouble(container, waiting)
  }
  if (textAt(object, 'status', 'phase') === 'Pending' && isUnschedulable(object) && ageOf(object, now) > SCHEDULE_WINDOW_MS) {
    const message = conditionOf(object, 'PodScheduled')?.message ?? ''
    return { message: message === '' ? 'The Pod could not be scheduled' : `The Pod could not be scheduled: ${message}` }
  }
  return undefined
}

/** Why a Pod of a rollout that has had its time is not ready, also where it may yet be; undefined where it is. */
export function podDelay(object: LiveObject, now: number): PodTrouble | undefined {
  const trouble = podTrouble(object, now)
  const health = podHealth(object, now)
  if (trouble !== undefined || health.status === 'current') return trouble
  const running = containersOf(object).find(
    (container) => at(container, 'ready') !== true && at(container, 'state', 'running') !== undefined,
  )
  return { message: health.message, ...(running !== undefined && { container: textAt(running, 'name') }) }
}

/** How a Pod that was meant to end has failed; undefined where it has not. */
export function podEnd(object: LiveObject): PodTrouble | undefined {
  if (textAt(object, 'status', 'phase') !== 'Failed') return undefined
  for (const container of containersOf(object)) {
    const exit = integerAt(container, 'state', 'terminated', 'exitCode') ?? 0
    if (exit === 0) continue
    const name = textAt(container, 'name')
    const reason = textAt(container, 'state', 'terminated', 'reason') || 'Error'
    return { message: `Container ${name}: ${reason} (exit code ${exit})`, container: name }
  }
  return { message: `The Pod has failed${because(object)}` }
}

function containerTrouble(container: Json, reason: string): PodTrouble {
  const name = textAt(container, 'name')
  const exit = integerAt(container, 'lastState', 'terminated', 'exitCode')
  const details = [textAt(container, 'state', 'waiting', 'message'), exit === undefined ? '' : `last exit code ${exit}`]
  const told = details.filter((part) => part !== '').join('; ')
  const message = `Container ${name}: ${reason}${told === '' ? '' : ` (${told})`}`
  return exit === undefined ? { message } : { message, container: name }
}

function containersOf(object: LiveObject): readonly Json[] {
  return [...listAt(object, 'status', 'initContainerStatuses'), ...listAt(object, 'status', 'containerStatuses')]
}

function isUnschedulable(object: LiveObject): boolean {
  const scheduled = conditionOf(object, 'PodScheduled')
  return scheduled?.status === 'False' && scheduled.reason === 'Unschedulable'
}

function because(object: LiveObject): string {
  const said = textAt(object, 'status', 'message') || textAt(object, 'status', 'reason')
  return said === '' ? '' : `: ${said}`
}

/** Milliseconds; a Pod without a creation time is as old as can be. */
function ageOf(object: LiveObject, now: number): number {
  const created = Date.parse(textAt(object, 'metadata', 'creationTimestamp'))
  return Number.isNaN(created) ? Infinity : now - created
}
