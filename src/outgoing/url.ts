import { isLocalHost } from './address.ts'

/**
 * Why nothing is fetched from a URL that the configuration names, as the rest of a sentence; undefined where it may be: https without credentials in
 * it, and no host that is this machine itself. `allowInsecure` opens http and such hosts.
 */
export function urlProblem(url: string, allowInsecure: boolean): string | undefined {
  const parsed = URL.parse(url)
  if (parsed === null) return 'is not a URL: write https://host/path'
  if (parsed.username !== '' || parsed.password !== '') return 'carries a user name or password: write it without'
  if (parsed.protocol !== 'https:' && !(allowInsecure && parsed.protocol === 'http:'))
    return `is ${parsed.protocol}//: use https://${parsed.protocol === 'http:' ? ', or allow it by spec.allowInsecure: true' : ''}`
  return allowInsecure ? undefined : hostProblem(parsed.hostname)
}

/** The same of a host alone. */
export function hostProblem(host: string): string | undefined {
  return isLocalHost(host)
    ? `names this machine itself, its link or a metadata service (${host}): allow it by spec.allowInsecure: true`
    : undefined
}
