import { createGathering, type Gathering, type Outcome } from '../model/gathering.ts'

/** A label selector of so many values stays below 4 KiB: the shortest request line that a proxy in between must take is 8 KiB. */
const MOST_VALUES = 50

/**
 * Answers what several syncs ask for at the same moment by one LIST, selected by the values of a label. Nobody gets an answer that is
 * older than the question: who asks while a LIST is under way is answered by the next (decision 011).
 */
export function askTogether<Result>(
  label: string,
  list: (labelSelector: string, values: readonly string[], signal: AbortSignal) => Promise<ReadonlyMap<string, Outcome<Result>>>,
): Gathering<Result>['ask'] {
  return createGathering<Result>(async (values, signal) => {
    const portions = Array.from({ length: Math.ceil(values.length / MOST_VALUES) }, (_, index) =>
      values.slice(index * MOST_VALUES, (index + 1) * MOST_VALUES),
    )
    const answers = await Promise.all(portions.map((portion) => list(selectorOf(label, portion), portion, signal)))
    return new Map(answers.flatMap((answer) => [...answer]))
  }).ask
}

function selectorOf(label: string, values: readonly string[]): string {
  return values.length === 1 ? `${label}=${values[0]}` : `${label} in (${values.join(',')})`
}
