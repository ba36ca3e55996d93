import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { unlessAborted } from '../model/abort.ts'
import { GitwakeError } from '../model/error.ts'
import { isLocalAddress } from './address.ts'

/** Every address of a host, as the C library knows them: hosts files and search domains count as they do for git. */
export type Resolve = (host: string) => Promise<readonly string[]>

const TIMEOUT_MS = 10_000

/**
 * Asks for one host once at a time: a name server that hangs holds one thread of the pool, however many wait. Throws GitwakeError `host-not-found` (retryable).
 */
export function createResolve(ask: Resolve = askSystem): Resolve {
  const asked = new Map<string, Promise<readonly string[]>>()
  return async (host) => {
    const pending = asked.get(host) ?? ask(host).finally(() => asked.delete(host))
    asked.set(host, pending)
    try {
      return await unlessAborted(pending, AbortSignal.timeout(TIMEOUT_MS))
    } catch (cause) {
      throw notFound(host, cause)
    }
  }
}

async function askSystem(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

/**
 * The addresses of a host, all of which must be others than this machine, its link and metadata services: to be used as they are, because the next
 * answer to the same question may be another one. Throws GitwakeError `address-refused` (retryable: the record may be corrected), `host-not-found`.
 */
export async function judgedAddresses(host: string, resolve: Resolve): Promise<readonly string[]> {
  const bare = host.replace(/^\[|\]$/gu, '')
  const addresses = isIP(bare) === 0 ? await resolve(bare) : [bare]
  const refused = addresses.find(isLocalAddress)
  if (addresses.length === 0) throw notFound(host)
  if (refused === undefined) return addresses
  throw new GitwakeError('address-refused', `${host} is at ${refused}: that is this machine itself, its link or a metadata service`, {
    fix: 'Correct the DNS record; where it is meant (tests, demos), set spec.allowInsecure: true in the document that names the host.',
    retryable: true,
  })
}

/** For connectors of sockets: what has been judged is what is connected to. */
export function lookupBy(resolve: Resolve, allowInsecure: boolean): LookupFunction {
  return (host, options, callback) => {
    const answer = allowInsecure ? resolve(host) : judgedAddresses(host, resolve)
    answer.then(
      (addresses) => {
        const all = addresses.map((address) => ({ address, family: isIP(address) }))
        if (options.all === true) callback(null, all)
        else callback(null, all[0]?.address ?? '', all[0]?.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    )
  }
}

function notFound(host: string, cause?: unknown): GitwakeError {
  return new GitwakeError('host-not-found', `the name ${host} has no address`, {
    fix: 'Check its spelling, and the name server that this process asks; gitwake tries again.',
    retryable: true,
    cause,
  })
}
