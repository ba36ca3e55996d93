import pino from 'pino'
import type { Log } from './model/log.ts'
import { MASKED, type Mask } from './model/mask.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

export interface LogOptions {
  readonly level: LogLevel
  readonly format: 'auto' | 'json' | 'pretty'
  /** Every string that is logged passes through it. */
  readonly mask: Mask
  /** Where lines go: standard output for the roles, standard error for commands whose output is data. */
  readonly destination?: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly fd?: number }
}

/**
 * The log of a process: JSON lines, or a readable form on a terminal. Secrets are masked here and nowhere else: in messages, in fields and
 * in errors with their causes.
 */
export async function createLog(options: LogOptions): Promise<Log> {
  const { level, format, mask, destination = process.stdout } = options
  const pretty = format === 'pretty' || (format === 'auto' && destination.isTTY === true)
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Errors are plain by the time pino sees them: its own serializer has nothing to add.
      serializers: { err: (error: unknown) => error },
    },
    pretty ? await prettyStream(destination) : destination,
  )
  return masking(logger, mask)
}

function masking(logger: pino.Logger, mask: Mask): Log {
  const write = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) => {
    if (logger.isLevelEnabled(level)) logger[level](fieldsOf(fields, mask), '%s', mask(message))
  }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => masking(logger.child(fieldsOf(fields, mask)), mask),
  }
}

async function prettyStream(destination: NodeJS.WritableStream & { readonly isTTY?: boolean }): Promise<NodeJS.WritableStream> {
  const { default: prettyPrint } = await import('pino-pretty')
  return prettyPrint({
    destination,
    colorize: destination.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
    singleLine: true,
    sync: true,
  })
}

const DEEPEST = 8
const MOST_ITEMS = 200
/** Fields whose name says that the value is a secret, whatever it looks like. */
const SECRET_FIELD = /^(?:password|passwd|secret|token|authorization|cookie|set-cookie|private-?key|api-?key|credentials?|stringdata)$/i

function fieldsOf(value: object, mask: Mask): Record<string, unknown> {
  return value instanceof Error ? { err: maskError(value, mask, 0) } : maskFields(value, mask)
}

function maskFields(fields: object, mask: Mask, depth = 0): Record<string, unknown> {
  const masked: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields) as [string, unknown][]) {
    masked[name] = SECRET_FIELD.test(name) && value !== undefined ? MASKED : maskValue(value, mask, depth + 1)
  }
  return masked
}

function maskValue(value: unknown, mask: Mask, depth: number): unknown {
  if (typeof value === 'string') return mask(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEEPEST) return '…'
  if (value instanceof Error) return maskError(value, mask, depth)
  if (Array.isArray(value)) return value.slice(0, MOST_ITEMS).map((item) => maskValue(item, mask, depth + 1))
  if (value instanceof Map) return maskFields(Object.fromEntries(value), mask, depth)
  if (value instanceof Set) return maskValue([...value], mask, depth)
  if (value instanceof Date) return value.toISOString()
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  return isPlain(value) ? maskFields(value, mask, depth) : mask(String(value))
}

/** An error as plain fields; its own fields other than these (headers, requests) may hold anything and are left out. */
function maskError(error: Error, mask: Mask, depth: number): Record<string, unknown> {
  const code: unknown = Reflect.get(error, 'code')
  const fix: unknown = Reflect.get(error, 'fix')
  return {
    type: error.name,
    message: mask(error.message),
    ...(typeof code === 'string' && { code }),
    ...(typeof fix === 'string' && { fix: mask(fix) }),
    ...(error.stack !== undefined && { stack: mask(error.stack) }),
    ...(error.cause !== undefined && depth < DEEPEST && { cause: maskValue(error.cause, mask, depth + 1) }),
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
