import type { Login, SecretReference } from '../model/configuration.ts'
import type { OutgoingFetch } from '../outgoing/fetch.ts'
import { discoverProvider, type Provider } from './provider.ts'

/** A provider, and the secret that we share with it ('' for a public client). */
export interface Ready {
  readonly provider: () => Promise<Provider>
  readonly secret: string
}

/** Long enough that a login asks the provider twice, short enough that keys and addresses may change. */
const KNOWN_FOR_MS = 10 * 60_000
/** A provider that is away is not asked for each person who tries. */
const FAILED_FOR_MS = 3_000
/** A secret that stands elsewhere may be replaced there. */
const SECRET_FOR_MS = 10_000

interface Known {
  readonly secret: string
  readonly at: number
  readonly provider: Promise<Provider>
  failed: boolean
}

/** Each provider is asked about itself when somebody logs in, and again when its document or secret changed or some time has passed. */
export function createDiscovered(options: {
  readonly resolveSecret: (reference: SecretReference) => Promise<string>
  readonly fetchFor: (login: Login) => OutgoingFetch
  readonly now: () => number
}): (login: Login) => Promise<Ready> {
  const { resolveSecret, fetchFor, now } = options
  // A document that was reloaded is another object; the one of before goes with it.
  const providers = new WeakMap<Login, Known>()
  const secrets = new WeakMap<Login, { readonly at: number; readonly value: Promise<string> }>()

  const secretOf = async (login: Login): Promise<string> => {
    if (login.clientSecretFrom === undefined) return ''
    const known = secrets.get(login)
    if (known !== undefined && now() - known.at < SECRET_FOR_MS) return known.value
    const value = resolveSecret(login.clientSecretFrom)
    secrets.set(login, { at: now(), value })
    value.catch(() => secrets.delete(login))
    return value
  }

  const providerOf = async (login: Login, secret: string): Promise<Provider> => {
    const known = providers.get(login)
    if (known !== undefined && known.secret === secret && now() - known.at < (known.failed ? FAILED_FOR_MS : KNOWN_FOR_MS))
      return known.provider
    const asked = discoverProvider(login, secret === '' ? undefined : secret, fetchFor(login))
    const fresh: Known = { secret, at: now(), provider: asked, failed: false }
    providers.set(login, fresh)
    asked.catch(() => (fresh.failed = true))
    return asked
  }

  return async (login) => {
    const secret = await secretOf(login)
    return { secret, provider: () => providerOf(login, secret) }
  }
}
