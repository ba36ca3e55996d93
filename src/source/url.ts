import { GitwakeError } from '../model/error.ts'
import { isLocalHost } from '../outgoing/address.ts'

/** A URL that may be handed to git. */
export interface RemoteUrl {
  /** In the spelling that was judged, so that git reads the same host as we did. */
  readonly url: string
  readonly scheme: 'https' | 'http' | 'ssh' | 'file'
  /** With the port where it is not the usual one; '' for files. */
  readonly host: string
}

const host = String.raw`[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\]`
const user = String.raw`(?:([A-Za-z0-9_][A-Za-z0-9_.+-]*)@)?`
const path = String.raw`[A-Za-z0-9_~./+@:=,-][^\\?#\s]*`
const sshForm = new RegExp(`^ssh://${user}(${host})(?::([0-9]{1,5}))?/(?!-)(${path})$`, 'u')
const scpForm = new RegExp(`^${user}(${host}):(?!-|//|:)(${path})$`, 'u')

/**
 * Judges a repository's URL before git sees it: https and ssh (also as `git@host:path`); http, file and hosts that are this
 * machine or its link only with `allowInsecure`.
 * Throws GitwakeError `url-refused`, never repeating a password.
 */
export function checkUrl(url: string, options: { readonly allowInsecure: boolean }): RemoteUrl {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u0020\u007f]|%[01][0-9a-f]|%7f/iu.test(url))
    refuse(url, 'it contains spaces or control characters', 'Write it without them.')
  if (url.includes('::') && !url.includes('[')) refuse(url, 'remote helpers (ext::, fd::, …) run programs', 'Use an https or ssh URL.')
  const remote = remoteOf(url)
  if (!options.allowInsecure && (remote.scheme === 'http' || remote.scheme === 'file')) {
    refuse(url, `${remote.scheme} is not protected`, 'Use https or ssh; for tests and demos set spec.allowInsecure: true.')
  }
  if (!options.allowInsecure && isLocalHost(remote.name)) {
    refuse(
      url,
      `${remote.name} is this machine, its link or a metadata service`,
      'Name a public or private host; for tests and demos set spec.allowInsecure: true.',
    )
  }
  return { url: remote.url, scheme: remote.scheme, host: remote.host }
}

function remoteOf(url: string): RemoteUrl & { readonly name: string } {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//iu.exec(url)?.[1]?.toLowerCase()
  if (scheme === 'https' || scheme === 'http') return webRemote(url, scheme)
  if (scheme === 'file') return fileRemote(url)
  if (scheme === 'ssh') return sshRemote(url, sshForm)
  if (scheme === undefined) return sshRemote(url, scpForm)
  return refuse(url, `${scheme} is not supported`, 'Use an https or ssh URL.')
}

function webRemote(url: string, scheme: 'https' | 'http'): RemoteUrl & { readonly name: string } {
  const parsed = URL.parse(url)
  if (parsed === null) return refuse(url, 'it is not a URL', 'Write it as https://host/path.')
  if (parsed.username !== '' || parsed.password !== '' || /^[a-z]+:\/\/[^/]*@/iu.test(url)) {
    refuse(url, 'it carries credentials', 'Move them to spec.credentials (username and passwordFrom).')
  }
  if (url.includes('?') || url.includes('#') || url.includes('\\'))
    refuse(url, 'it has a query, a fragment or a backslash', 'Write only host and path.')
  if (parsed.pathname === '/' || parsed.hostname.startsWith('-')) refuse(url, 'it names no repository', 'Write it as https://host/path.')
  // The addresses that were judged are handed to git by name, and the name of the URL would be another one.
  if (parsed.hostname.endsWith('.') && !isLocalHost(parsed.hostname)) refuse(url, 'its host ends with a dot', 'Write the host without it.')
  return { url: parsed.href, scheme, host: parsed.host, name: parsed.hostname }
}

function fileRemote(url: string): RemoteUrl & { readonly name: string } {
  if (!/^file:\/\/\/(?![-/])[^?#\\]+$/u.test(url)) refuse(url, 'it names no local path', 'Write it as file:///absolute/path.')
  return { url, scheme: 'file', host: '', name: '' }
}

function sshRemote(url: string, form: RegExp): RemoteUrl & { readonly name: string } {
  const [, , hostname = '', portOrPath = ''] = form.exec(url) ?? []
  // ssh takes every spelling of an address that the C library takes (2130706433, 0x7f.1): the URL parser shows which one it is.
  const name = hostname === '' ? undefined : URL.parse(`https://${hostname}`)?.hostname
  if (name === undefined) refuse(url, 'it is neither a URL nor host:path', 'Use https://host/path, ssh://git@host/path or git@host:path.')
  const port = form === sshForm && portOrPath !== '' ? `:${portOrPath}` : ''
  return { url, scheme: 'ssh', host: name + port, name }
}

function refuse(url: string, why: string, fix: string): never {
  throw new GitwakeError('url-refused', `the repository URL ${withoutUserinfo(url)} is refused: ${why}`, { fix })
}

function withoutUserinfo(url: string): string {
  return JSON.stringify(
    url
      .replace(/\/\/[^/]*@/u, '//***@')
      .replace(/[?#].*$/su, '?***')
      .slice(0, 200),
  )
}
