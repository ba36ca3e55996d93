import type { Health } from '../model/health.ts'
import type { Condition } from './fields.ts'

export function current(message: string): Health {
  return { status: 'current', message }
}

export function inProgress(message: string): Health {
  return { status: 'in progress', message }
}

export function failed(message: string): Health {
  return { status: 'failed', message }
}

/** What a condition says, else what is known without it. */
export function wordsOf({ reason, message }: Condition, otherwise: string): string {
  if (message === '') return reason === '' ? otherwise : `${otherwise}: ${reason}`
  return reason === '' ? message : `${reason}: ${message}`
}

/** `1 replica`, `3 replicas`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** `2 of 3 replicas are available`. */
export function partly(done: number, wanted: number, noun: string, what: string): string {
  return `${done} of ${counted(wanted, noun)} ${wanted === 1 ? 'is' : 'are'} ${what}`
}

/** `1 replica is available`, `3 replicas are available`. */
export function all(count: number, noun: string, what: string): string {
  return `${counted(count, noun)} ${count === 1 ? 'is' : 'are'} ${what}`
}
