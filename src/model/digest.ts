import { hash } from 'node:crypto'

/** sha256 as hex. */
export function sha256(text: string | Uint8Array): string {
  return hash('sha256', text, 'hex')
}
