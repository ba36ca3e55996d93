type Write = (fields: object, message: string) => void

/** What this folder writes to the log: a pino logger fits. */
export interface WebLog {
  readonly error: Write
  readonly info: Write
  readonly debug: Write
}
