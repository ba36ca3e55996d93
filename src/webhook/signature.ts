import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'

const processKey = randomBytes(32)

/** HMAC-SHA256 over the parts, as if they were one; raw bytes, never decoded text. */
export function hmac(key: Buffer, ...parts: readonly (Buffer | string)[]): Buffer {
  const sum = createHmac('sha256', key)
  for (const part of parts) sum.update(part)
  return sum.digest()
}

/** Compares signatures of 32 bytes in constant time. */
export function equalDigests(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}

/** Compares texts of any length; the time tells neither where they differ nor how long the secret is. */
export function equalTexts(left: string, right: string): boolean {
  return timingSafeEqual(hmac(processKey, left), hmac(processKey, right))
}

export function sha256(data: Buffer | string): string {
  return hash('sha256', data, 'hex')
}

/** Does the work of `rounds` verifications that cannot succeed: an unknown receiver takes as long as a wrong signature. */
export function hashInVain(body: Buffer, rounds: number): void {
  for (let round = 0; round < rounds; round++) hmac(processKey, body)
}
