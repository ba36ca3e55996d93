import { hostProblem } from '../outgoing/url.ts'

/**
 * Why a repository URL cannot stand in the configuration, as the rest of a sentence; undefined where it can. The source applies
 * the whole policy again before each fetch: this is so that a mistake is told at once.
 */
export function checkUrl(url: string, allowInsecure: boolean): string | undefined {
  if ([...url].some((character) => character <= ' ' || character === '\u007f')) return 'holds a space or a control character'
  if (url.startsWith('-')) return 'begins with "-", which git would read as an option'
  if (!url.includes('://')) return checkScpForm(url, allowInsecure)
  const parsed = URL.parse(url)
  if (parsed === null) return 'is not a URL: write https://host/path.git, ssh://git@host/path.git or git@host:path.git'
  if (parsed.password !== '' || (parsed.username !== '' && parsed.protocol !== 'ssh:')) {
    return 'carries a user name or password: put the password into spec.credentials.passwordFrom'
  }
  return checkScheme(parsed, allowInsecure)
}

function checkScheme(url: URL, allowInsecure: boolean): string | undefined {
  switch (url.protocol) {
    case 'https:':
    case 'ssh:':
      if (url.hostname === '' || url.hostname.startsWith('-')) return 'names no host'
      if (url.protocol === 'https:' && url.hostname.endsWith('.')) return 'has a host that ends with a dot: write it without'
      return allowInsecure ? undefined : hostProblem(url.hostname)
    case 'http:':
    case 'file:':
      return allowInsecure
        ? undefined
        : `is ${url.protocol}//, which nobody protects: use https:// or ssh://, or allow it by spec.allowInsecure: true`
    default:
      return `has the scheme ${url.protocol}//, which is not supported: use https:// or ssh://`
  }
}

/** `git@host:path`, and nothing that git would run as a helper (`ext::…`) or take as a local path. */
function checkScpForm(url: string, allowInsecure: boolean): string | undefined {
  const [, host = ''] = /^(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?!:)[^-:]/.exec(url) ?? []
  if (host === '' || host.startsWith('-')) return 'is not a URL: write https://host/path.git, ssh://git@host/path.git or git@host:path.git'
  return allowInsecure ? undefined : hostProblem(host)
}
