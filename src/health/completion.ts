import type { Health } from '../model/health.ts'
import type { LiveObject } from '../model/object.ts'
import { conditionOf, textAt } from './fields.ts'
import { podTrouble } from './pod.ts'

/** Whether something that is run once has run its course. */
export interface Completion {
  readonly status: 'running' | 'succeeded' | 'failed'
  /** One sentence for people. */
  readonly message: string
}

/**
 * What a hook's object says of its end. Jobs, Pods and Workflows run; everything else has succeeded once it is healthy, which `healthOf`
 * judges. Pure: `now` in milliseconds since 1970.
 */
export function completionOf(object: LiveObject, now: number, healthOf: (object: LiveObject, now: number) => Health): Completion {
  switch (object.kind) {
    case 'Job':
      return jobCompletion(object)
    case 'Pod':
      return podCompletion(object, now)
    case 'Workflow':
      return workflowCompletion(object)
    default: {
      const { status, message } = healthOf(object, now)
      if (status === 'failed') return { status, message }
      return { status: status === 'current' ? 'succeeded' : 'running', message }
    }
  }
}

function jobCompletion(object: LiveObject): Completion {
  if (conditionOf(object, 'Complete')?.status === 'True') return { status: 'succeeded', message: 'the Job is complete' }
  const failure = conditionOf(object, 'Failed')
  if (failure?.status !== 'True') return { status: 'running', message: 'the Job runs' }
  const why = failure.message === '' ? failure.reason : failure.message
  return { status: 'failed', message: `the Job has failed${why === '' ? '' : `: ${why}`}` }
}

function podCompletion(object: LiveObject, now: number): Completion {
  const phase = textAt(object, 'status', 'phase')
  if (phase === 'Succeeded') return { status: 'succeeded', message: 'the Pod has completed' }
  const why = textAt(object, 'status', 'message') || textAt(object, 'status', 'reason')
  if (phase === 'Failed') return { status: 'failed', message: `the Pod has failed${why === '' ? '' : `: ${why}`}` }
  const trouble = podTrouble(object, now)
  return trouble === undefined ? { status: 'running', message: 'the Pod runs' } : { status: 'failed', message: trouble.message }
}

/** Argo Workflows' own word for its end. */
function workflowCompletion(object: LiveObject): Completion {
  const phase = textAt(object, 'status', 'phase')
  if (phase === 'Succeeded') return { status: 'succeeded', message: 'the Workflow has succeeded' }
  if (phase !== 'Failed' && phase !== 'Error') return { status: 'running', message: 'the Workflow runs' }
  const why = textAt(object, 'status', 'message')
  return { status: 'failed', message: `the Workflow has failed${why === '' ? '' : `: ${why}`}` }
}
