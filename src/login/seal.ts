import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

// A session in Redis is sealed with a key made of its own id, which only the browser has, and of a secret that holds the client's, which only we
// have. Who reads Redis learns nothing from it; who writes there cannot make one, unless the client is public: then nobody has a secret.

const IV_BYTES = 12
const TAG_BYTES = 16

/** 256 random bits. */
export function newSessionId(): string {
  return randomBytes(32).toString('base64url')
}

/** Under which Redis knows the session: the id cannot be told from it. */
export function sessionDigest(id: string): string {
  return createHash('sha256').update(`gitwake session ${id}`).digest('hex')
}

export function seal(text: string, id: string, secret: string): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', keyOf(id, secret), iv)
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64')
}

/** Undefined where it was sealed with another id or secret, or altered. */
export function unseal(sealed: string, id: string, secret: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64')
  if (bytes.length <= IV_BYTES + TAG_BYTES) return undefined
  const decipher = createDecipheriv('aes-256-gcm', keyOf(id, secret), bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8')
  } catch {
    return undefined
  }
}

function keyOf(id: string, secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', id, createHash('sha256').update(secret).digest(), 'gitwake session', 32))
}
