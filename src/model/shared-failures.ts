/** Failures of sources (addresses, networks), counted together by all replicas, and still known after a restart. */
export interface SharedFailures {
  /** For how many milliseconds this source is refused by what was counted: at once where it was asked lately, else after one look at Redis. Never rejects. */
  blockedForMs(source: string): number | Promise<number>
  /** Whether somebody behind this source has shown the secret lately, to whichever replica. Looked up as above; false where that cannot be told. Never rejects. */
  isProven(source: string): boolean | Promise<boolean>
  /** Counts one. Returns at once. */
  failed(source: string): void
  /** Somebody behind this source has the secret: for a day, failures do not block it. Returns at once. */
  proven(source: string): void
}
