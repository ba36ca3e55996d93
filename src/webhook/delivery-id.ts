import { sha256 } from './signature.ts'

// Ids become part of keys, URLs and log lines.
const usable = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/u

/** The sender's id where it is short and plain, else a digest of it; undefined where there is none. */
export function usableId(id: string | undefined): string | undefined {
  if (id === undefined || id === '') return undefined
  return usable.test(id) ? id : `digest-${sha256(id).slice(0, 40)}`
}

/** The id of a delivery that came without one: equal bodies are one delivery. */
export function idOfBody(bodyDigest: string): string {
  return `body-${bodyDigest.slice(0, 40)}`
}
