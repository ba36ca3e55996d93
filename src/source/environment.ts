import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Repository, SecretReference } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import { judgedAddresses, type Resolve } from '../outgoing/resolve.ts'
import type { RemoteUrl } from './url.ts'

/** What git needs from the machine; everything else of our own environment stays away from it. */
export interface Machine {
  /** Where git and ssh are looked for. */
  readonly path: string
  /** PEM file of certificate authorities for https, instead of the system's. */
  readonly caFile: string | undefined
  /** Where names lead. */
  readonly resolve: Resolve
}

/** The environment of git without any credential: enough to read a cache. */
export function bareEnvironment(machine: Machine): Readonly<Record<string, string>> {
  return {
    PATH: machine.path,
    // curl and git look for .netrc and .gitconfig there.
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_DEFAULT_REF_FORMAT: 'files',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    SSH_ASKPASS: '/bin/false',
    GIT_ALLOW_PROTOCOL: 'none',
    GIT_PROTOCOL_FROM_USER: '0',
  }
}

/** An environment that can reach one remote, the secrets in it (for masking), and the end of its private files. */
export interface RemoteEnvironment {
  readonly environment: Readonly<Record<string, string>>
  readonly secrets: readonly string[]
  close(): Promise<void>
}

/**
 * Resolves a repository's credentials into the environment of one git run: never into arguments, URLs or the cache.
 * Throws GitwakeError `git-authentication` where the configuration cannot authenticate at all, `address-refused` or `git-unreachable` where its host
 * must not or cannot be asked, and whatever `resolveSecret` throws.
 */
export async function openRemoteEnvironment(
  repository: Repository,
  remote: RemoteUrl,
  machine: Machine,
  resolveSecret: (reference: SecretReference) => Promise<string>,
): Promise<RemoteEnvironment> {
  const pinned = await pinnedAddresses(repository, remote, machine)
  const environment = {
    ...bareEnvironment(machine),
    GIT_ALLOW_PROTOCOL: remote.scheme,
    ...(machine.caFile !== undefined && { GIT_SSL_CAINFO: machine.caFile }),
  }
  if (remote.scheme === 'ssh') return openSsh(repository, environment, resolveSecret)
  if (repository.credentials === undefined || remote.scheme === 'file')
    return { environment: { ...environment, ...settings(pinned) }, secrets: [], close: async () => {} }
  const password = (await resolveSecret(repository.credentials.passwordFrom)).replace(/[\r\n]+$/u, '')
  const basic = Buffer.from(`${repository.credentials.username}:${password}`).toString('base64')
  return {
    // A header given in advance also saves the request that would be answered 401. It is bound to this URL, and redirects are not followed.
    environment: { ...environment, ...settings([...pinned, [`http.${remote.url}.extraHeader`, `Authorization: Basic ${basic}`]]) },
    secrets: [password, encodeURIComponent(password), basic],
    close: async () => {},
  }
}

type Setting = readonly [key: string, value: string]

/** Settings of git that no argument shows. */
function settings(pairs: readonly Setting[]): Readonly<Record<string, string>> {
  const numbered = pairs.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ])
  return pairs.length === 0 ? {} : { GIT_CONFIG_COUNT: String(pairs.length), ...Object.fromEntries(numbered) }
}

/**
 * Judges where the host's name leads, and holds git to that answer over https (git 2.37 or newer): the next one may lead elsewhere. ssh asks again by itself; but
 * it says nothing to a host whose key is not among the known ones.
 */
async function pinnedAddresses(repository: Repository, remote: RemoteUrl, { resolve }: Machine): Promise<readonly Setting[]> {
  if (repository.allowInsecure || remote.scheme === 'file') return []
  const { hostname, port } = new URL(`https://${remote.host}`)
  const addresses = await judgedAddresses(hostname, resolve).catch((error: unknown) => {
    throw error instanceof GitwakeError ? ofRepository(repository, error) : error
  })
  if (remote.scheme !== 'https' || isIP(hostname.replace(/^\[|\]$/gu, '')) !== 0) return []
  const listed = addresses.map((address) => (isIP(address) === 6 ? `[${address}]` : address)).join(',')
  return [['http.curloptResolve', `${hostname}:${port === '' ? '443' : port}:${listed}`]]
}

function ofRepository({ name }: Repository, { code, message, fix, retryable, cause }: GitwakeError): GitwakeError {
  return new GitwakeError(code === 'host-not-found' ? 'git-unreachable' : code, `repository ${name}: ${message}`, { fix, retryable, cause })
}

async function openSsh(
  repository: Repository,
  environment: Readonly<Record<string, string>>,
  resolveSecret: (reference: SecretReference) => Promise<string>,
): Promise<RemoteEnvironment> {
  if (repository.ssh === undefined) {
    throw new GitwakeError('git-authentication', `repository ${repository.name}: its URL is ssh, but spec.ssh is missing`, {
      fix: 'Set spec.ssh.privateKeyFrom and spec.ssh.knownHostsFrom, or use an https URL.',
    })
  }
  const [key, knownHosts] = await Promise.all([resolveSecret(repository.ssh.privateKeyFrom), resolveSecret(repository.ssh.knownHostsFrom)])
  if (isEncrypted(key)) {
    throw new GitwakeError('git-authentication', `repository ${repository.name}: its private key is protected by a passphrase`, {
      fix: 'Give spec.ssh.privateKeyFrom a deploy key without a passphrase (ssh-keygen -p -N "" -f FILE removes it from a copy).',
    })
  }
  const directory = await mkdtemp(join(tmpdir(), 'gitwake-ssh-'))
  const close = (): Promise<void> => rm(directory, { recursive: true, force: true })
  try {
    // OpenSSH refuses a key without its last newline.
    await writeFile(join(directory, 'key'), `${key.trimEnd()}\n`, { mode: 0o600 })
    await writeFile(join(directory, 'known_hosts'), `${knownHosts.trimEnd()}\n`, { mode: 0o600 })
  } catch (error) {
    await close()
    throw error
  }
  return { environment: { ...environment, GIT_SSH_VARIANT: 'ssh', GIT_SSH_COMMAND: sshCommand(directory) }, secrets: [key.trim()], close }
}

/**
 * Nobody is there to type a passphrase, and ssh then says no more than that access was denied. OpenSSH's own format names its cipher
 * (openssh/PROTOCOL.key), the older ones say it in their head.
 */
function isEncrypted(key: string): boolean {
  if (/^(?:-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED)/mu.test(key)) return true
  const [, body] = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)/u.exec(key) ?? []
  const head = Buffer.from(body ?? '', 'base64').subarray(0, 64)
  return head.toString('latin1').startsWith('openssh-key-v1\0') && head.subarray(19, 23).toString('latin1') !== 'none'
}

/** ssh that asks nobody, trusts only the given hosts, offers only the given key and notices a silent peer. */
function sshCommand(directory: string): string {
  const file = (name: string): string => `"${join(directory, name).replaceAll('%', '%%')}"`
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'UpdateHostKeys=no',
    `UserKnownHostsFile=${file('known_hosts')}`,
    'GlobalKnownHostsFile=/dev/null',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    `IdentityFile=${file('key')}`,
    'ConnectTimeout=15',
    'ServerAliveInterval=15',
    'ServerAliveCountMax=2',
  ]
  // git hands the command to a shell.
  return ['ssh -F /dev/null', ...options.map((option) => `-o '${option.replaceAll("'", String.raw`'\''`)}'`)].join(' ')
}

/**
 * Names a cache: everything that decides what may be read through it. Two repositories share one only if they are configured alike,
 * so that what one credential may read is never served to another.
 */
export function cacheName(repository: Repository): string {
  const identity = [repository.name, repository.url, repository.credentials, repository.ssh, repository.allowInsecure]
  const digest = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 16)
  return `${repository.name.replace(/[^A-Za-z0-9-]+/gu, '_').slice(0, 60)}-${digest}`
}
