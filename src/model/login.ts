import type { Principal } from './access.ts'

/** A provider as the login page offers it. */
export interface Offer {
  readonly name: string
  readonly title: string
}

/** A cookie to set: `secure` ones have the prefix by which browsers know that no other host and no plain http made them. */
export interface Kept {
  readonly value: string
  readonly secure: boolean
  readonly maxAgeMs: number
}

/** Why somebody was not let in: `code` for programs, sentences for people; `actor` where the provider said who it is. */
export interface LoginRefusal {
  readonly code: string
  readonly message: string
  readonly fix: string
  readonly status: 400 | 403 | 502 | 503
  readonly actor?: string
  /** For the log: never shown. */
  readonly detail?: string
}

export type Begun = {
  readonly kind: 'begun'
  /** Where the browser goes next. */
  readonly location: string
  readonly attempt: Kept
}

export type Finished =
  | {
      readonly kind: 'let in'
      readonly principal: Principal
      readonly subject: string
      /** The People documents that let them in. */
      readonly by: readonly string[]
      readonly session: Kept
      /** A path of ours. */
      readonly returnTo: string
    }
  | { readonly kind: 'refused'; readonly refusal: LoginRefusal }

export interface Ended {
  readonly principal: Principal
  /** Where the provider ends its own session; undefined where it offers nothing. */
  readonly location?: string
  readonly title: string
}

/**
 * People who log in at a provider. Everything that asks Redis throws GitwakeError `redis-unavailable`; `begin` throws `provider-unreachable` and its
 * like, too. Names of providers that the configuration does not have yield undefined.
 */
export interface Logins {
  offers(): readonly Offer[]
  /** The origin under which browsers must know us for this provider. */
  originOf(name: string): string | undefined
  begin(name: string, returnTo: string): Promise<Begun | undefined>
  /** `attempt` is the cookie that `begin` had set, `query` what the provider sent the browser back with, `from` the address that it comes from. */
  finish(name: string, attempt: Pick<Kept, 'value' | 'secure'> | undefined, query: string, from: string): Promise<Finished | undefined>
  /** Whose session this is; undefined where it has ended. `secure` says under which kind of cookie it came. */
  principalOf(session: string, secure: boolean): Promise<Principal | undefined>
  /** Ends a session here; undefined where there was none. */
  end(session: string, secure: boolean): Promise<Ended | undefined>
}
