import { GitwakeError } from '../model/error.ts'

interface Failure {
  readonly pattern: RegExp
  readonly code: string
  readonly retryable: boolean
  readonly what: string
  readonly fix: string
}

/** One pattern out of several, whatever their case. */
function anyOf(...patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join('|'), 'iu')
}

// In order: the first that matches names the failure. Texts of git 2.39 to 2.5x, curl and OpenSSH under LC_ALL=C.
const failures: readonly Failure[] = [
  {
    pattern: anyOf(/remote host identification has changed/),
    code: 'host-key-changed',
    retryable: false,
    what: 'the host shows another key than the known one',
    fix: 'Ask the host whether it has a new key: if so, replace the old one in spec.ssh.knownHostsFrom; if not, somebody may stand in between.',
  },
  {
    pattern: anyOf(/host key verification failed/, /no \S+ host key is known/),
    code: 'host-key-unknown',
    retryable: false,
    what: 'the host shows a key that is not in its known hosts',
    fix: 'Compare the key with what the host publishes and add it to spec.ssh.knownHostsFrom (ssh-keyscan lists it).',
  },
  {
    pattern: anyOf(/certificate/, /SSL_ERROR/, /SSL routines/, /gnutls_handshake/, /TLS connect error/),
    code: 'tls-untrusted',
    retryable: false,
    what: 'the TLS connection is not trusted',
    fix: 'Renew the certificate of the host, or give gitwake the authority that signed it.',
  },
  {
    pattern: anyOf(/load key .*:/),
    code: 'git-authentication',
    retryable: false,
    what: 'the private key cannot be read',
    fix: 'Put a whole private key as ssh-keygen writes it, with its first and last line, where spec.ssh.privateKeyFrom points.',
  },
  {
    pattern: anyOf(
      /authentication failed/,
      /could not read (?:username|password)/,
      /terminal prompts disabled/,
      /askpass/,
      /permission denied \(/,
      /returned error: 40[13]/,
      /HTTP 40[13]/,
    ),
    code: 'git-authentication',
    retryable: false,
    what: 'access is refused',
    fix: 'Check spec.credentials (or spec.ssh) of the repository: does the token still exist, and may it read this repository?',
  },
  {
    pattern: anyOf(/returned error: 30[1-8]/, /HTTP 30[1-8]/, /unable to update url base from redirection/),
    code: 'redirect-refused',
    retryable: false,
    what: 'the host answers with a redirect, which is not followed',
    fix: 'Write the URL that the redirect leads to into spec.url.',
  },
  {
    pattern: anyOf(
      /repository .* not found/,
      /repository not found/,
      /returned error: 404/,
      /does not appear to be a git repository/,
      /project you were looking for could not be found/,
    ),
    code: 'repository-not-found',
    retryable: false,
    what: 'there is no such repository, or it is hidden from these credentials',
    fix: 'Check spec.url, and whether spec.credentials may read it.',
  },
  {
    pattern: anyOf(/transport '.*' not allowed/),
    code: 'url-refused',
    retryable: false,
    what: 'its protocol is not allowed',
    fix: 'Use an https or ssh URL.',
  },
  {
    pattern: anyOf(/no space left on device/, /disk quota exceeded/),
    code: 'disk-full',
    retryable: true,
    what: 'there is no room for the cache',
    fix: 'Make room on the volume of the cache directory.',
  },
  {
    pattern: anyOf(/fsck error/),
    code: 'objects-refused',
    retryable: false,
    what: 'the commit holds malformed or dangerous objects',
    fix: 'Run git fsck in the repository and replace the objects it names.',
  },
  {
    pattern: anyOf(
      /could not resolve/,
      /failed to connect/,
      /couldn't connect/,
      /connection (?:refused|reset|timed out|closed)/,
      /timed out/,
      /timeout/,
      /too slow/,
      /returned error: (?:408|429|5\d\d)/,
      /HTTP (?:408|429|5\d\d)/,
      /RPC failed/,
      /unexpected disconnect/,
      /early EOF/,
      /hung up/,
      /network is unreachable/,
      /no route to host/,
      /empty reply/,
      /transfer closed/,
      /bad line length/,
      /invalid index-pack output/,
      /could not read from remote/,
    ),
    code: 'git-unreachable',
    retryable: true,
    what: 'the host does not answer as it should',
    fix: 'Check that the host is up and reachable from here; gitwake tries again.',
  },
]

/** The error of a git run that reached for a remote. `undefined` where its output tells nothing known: the cache may be broken. */
export function remoteFailure(repository: string, url: string, stderr: string): GitwakeError | undefined {
  // A repository called `certificates` must not look like a TLS error.
  const path = URL.parse(url)?.pathname ?? url
  const told = stderr.replaceAll(url, 'URL').replaceAll(path.length > 1 ? path : url, 'PATH')
  const failure = failures.find(({ pattern }) => pattern.test(told))
  if (failure === undefined) return undefined
  return new GitwakeError(failure.code, `repository ${repository}: ${failure.what}: ${summary(stderr)}`, failure)
}

/** The ref that the remote does not have, out of git's message about it. */
export function missingRef(stderr: string): string | undefined {
  return /^fatal: couldn't find remote ref (\S+)$/mu.exec(stderr)?.[1]
}

/** Removes credentials and what a hostile server could do to a terminal from the output of git. */
export function cleaned(text: string, secrets: readonly string[]): string {
  const masked = secrets.filter((secret) => secret !== '').reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
  // oxlint-disable-next-line no-control-regex -- terminal escapes are what is removed
  return masked.replace(/\/\/[^/\s@]+@/gu, '//***@').replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/gu, ' ')
}

// What git and ssh say to somebody at a terminal.
const advice =
  /^(?:Please make sure|and the repository exists|\s*remove with:|\s*ssh-keygen |fatal: Could not read from remote repository|@)/u

/** The lines of git's output that say something, in one line of bounded length. */
export function summary(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => /\S/u.test(line) && !advice.test(line))
  const text = lines.slice(-4).map((line) => line.trim().replace(/^(?:fatal|error): /u, ''))
  return text.length === 0 ? 'git gave no reason' : text.join('; ').slice(0, 500)
}
