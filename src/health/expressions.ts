import { createContext, Script } from 'node:vm'
import { Environment, type ParseResult } from '@marcbachmann/cel-js'
import type { HealthExpressions } from '../model/configuration.ts'
import type { Health } from '../model/health.ts'
import { isJsonObject, type Json } from '../model/json.ts'
import type { LiveObject } from '../model/object.ts'
import { laggingHealth, terminatingHealth } from './generic.ts'
import { current, failed, inProgress } from './verdict.ts'

/** What an expression may look at by name: these fields of the object, and all of it as `object`. */
const FIELDS = ['metadata', 'spec', 'status', 'data', 'object'] as const
/** An object and a handful of conditions take microseconds: whoever needs this long would hold up everything else. */
const LIMIT_MS = 200

const environment = new Environment({
  unlistedVariablesAreDyn: false,
  homogeneousAggregateLiterals: false,
  enableOptionalTypes: true,
  limits: { maxAstNodes: 1000, maxDepth: 50, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 10 },
})
for (const field of FIELDS) environment.registerVariable(field, 'dyn')
for (const field of ['apiVersion', 'kind']) environment.registerVariable(field, 'string')

/** In the order in which they are asked. */
const CONDITIONS = ['inProgress', 'failed', 'current'] as const
type ExpressionField = (typeof CONDITIONS)[number] | 'message'

/** What is wrong with the expressions of a kind, by the field in which it stands. */
export function expressionProblems(
  expressions: Readonly<Partial<Record<ExpressionField, string | undefined>>>,
): readonly { readonly field: ExpressionField; readonly message: string }[] {
  return [...CONDITIONS, 'message' as const].flatMap((field) => {
    const text = expressions[field]
    const message = text === undefined ? undefined : problemOf(text, field === 'message' ? 'string' : 'bool')
    return message === undefined ? [] : [{ field, message }]
  })
}

function problemOf(text: string, wanted: 'bool' | 'string'): string | undefined {
  const checked = environment.check(text)
  if (!checked.valid) return `is not a valid CEL expression: ${firstLine(checked.error)}`
  if (checked.type === wanted || checked.type === 'dyn') return undefined
  return `must yield ${wanted === 'bool' ? 'true or false' : 'text'}, not ${checked.type}`
}

/** Judges objects by expressions that have no problems. An expression that fails or takes too long makes an object unknown. */
export function judgeByExpressions(expressions: HealthExpressions): (object: LiveObject) => Health {
  const parsed = (text: string | undefined): ParseResult | undefined => (text === undefined ? undefined : environment.parse(text))
  const conditions = CONDITIONS.flatMap((name) => {
    const ask = parsed(expressions[name])
    return ask === undefined ? [] : [{ name, ask }]
  })
  const message = parsed(expressions.message)

  /** A sentence that cannot be made does not change the verdict. */
  function sentence(seen: Record<string, unknown>): string | undefined {
    try {
      const said: unknown = message?.(seen)
      return typeof said === 'string' && said !== '' ? said : undefined
    } catch {
      return undefined
    }
  }

  function judge(object: LiveObject): Health {
    const seen = variablesOf(object)
    let asked = ''
    try {
      return withinTime(() => {
        for (const { name, ask } of conditions) {
          asked = name
          const holds: unknown = ask(seen)
          if (typeof holds !== 'boolean') return unknown(`${name} yields ${displayType(holds)}, not true or false`)
          if (holds) return VERDICTS[name](sentence(seen) ?? SENTENCES[name])
        }
        return inProgress(sentence(seen) ?? SENTENCES.inProgress)
      })
    } catch (error) {
      return unknown(`${asked}: ${isTimeout(error) ? `took longer than ${LIMIT_MS} ms` : firstLine(error)}`)
    }
  }

  // What is being deleted, or not seen by its controller yet, must not be judged by what its status said before.
  return (object) => terminatingHealth(object) ?? laggingHealth(object) ?? judge(object)
}

/** As CEL calls it, whose reader knows no JavaScript. */
function displayType(value: unknown): string {
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'double'
  return value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value === 'object' ? 'map' : typeof value
}

const VERDICTS = { inProgress, failed, current } as const
const SENTENCES = { inProgress: 'It is in progress', failed: 'It has failed', current: 'It is ready' } as const

function unknown(why: string): Health {
  return { status: 'unknown', message: `Its health expression gives no answer: ${why}` }
}

/** A missing field of the object itself is an empty one, so that `has(status.conditions)` can be asked of what has no status yet. */
function variablesOf(object: LiveObject): Record<string, unknown> {
  const whole = celValue(object) as Readonly<Record<string, unknown>>
  const fields = FIELDS.map((field) => [field, field === 'object' ? whole : (whole[field] ?? {})] as const)
  return { ...Object.fromEntries(fields), apiVersion: object.apiVersion, kind: object.kind }
}

/** Whole numbers are CEL's `int`, as in Kubernetes itself. */
function celValue(value: Json | undefined): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map((item: Json) => celValue(item))
  return isJsonObject(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, celValue(item)])) : value
}

const context = createContext({ work: undefined })
const callWork = new Script('work()')

/** Runs synchronous work and throws where it takes too long: nested loops and regular expressions included. The script is ours; no text of a user's is run as one. */
function withinTime<Value>(work: () => Value): Value {
  context['work'] = work
  try {
    return callWork.runInContext(context, { timeout: LIMIT_MS }) as Value
  } finally {
    context['work'] = undefined
  }
}

/** It comes from the script's own realm, so it is no Error of ours. */
function isTimeout(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}

/** The lines below show the expression with a mark. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n')[0] ?? text
}
