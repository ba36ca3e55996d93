import type { AuditWriter } from '../../src/model/audit.ts'
import type { Logins } from '../../src/model/login.ts'

/** No provider is configured. */
export const NO_LOGINS: Logins = {
  offers: () => [],
  originOf: () => undefined,
  begin: async () => undefined,
  finish: async () => undefined,
  principalOf: async () => undefined,
  end: async () => undefined,
}

export const NO_AUDIT: AuditWriter = { record: async () => undefined, note: () => undefined }
