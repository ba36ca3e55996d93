/** What any part may write to: structured fields first, then one sentence. Secrets are masked behind it. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** A log that adds these fields to every line: application, cluster, ticket, revision, delivery. */
  child(fields: object): Log
}
