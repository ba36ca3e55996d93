const defaultPorts: Readonly<Record<string, string>> = {
  https: '443',
  http: '80',
  ssh: '22',
  git: '9418',
  'git+ssh': '22',
  'ssh+git': '22',
}

const schemeForm = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/@]*@)?(\[[0-9a-f:.]+\]|[^/:@[\]]+)(?::(\d*))?(\/.*)?$/iu
const scpForm = /^(?:[^/@:]+@)?(\[[0-9a-f:.]+\]|[^/:@[\]]+):(?!\/\/)(.+)$/iu

/**
 * The form in which two spellings of one repository compare equal: `host[:port]/path`, lower-cased, without scheme, userinfo,
 * default port, query, `.git` and slashes at the ends. Lower case because GitHub and GitLab ignore it; the form is only ever
 * compared, never fetched, so that the worst a collision can do is one needless look at a repository.
 * `file:///srv/shop.git` → `file:/srv/shop` (case kept). Undefined for what names no repository.
 */
export function normaliseRepositoryUrl(url: string): string | undefined {
  const text = url.trim()
  if (text.startsWith('file:///')) return joined('file:', text.slice('file://'.length))
  const byScheme = schemeForm.exec(text)
  if (byScheme) {
    const [, scheme = '', host = '', port = '', path = ''] = byScheme
    const usual = defaultPorts[scheme.toLowerCase()]
    if (usual === undefined) return undefined
    return joined(hostOf(host) + (port === '' || port === usual ? '' : `:${port}`), path)?.toLowerCase()
  }
  const [, host = '', path = ''] = scpForm.exec(text) ?? []
  return host === '' || path.startsWith(':') ? undefined : joined(hostOf(host), path)?.toLowerCase()
}

/** IDN hosts in one spelling, without the trailing dot of a rooted name. */
function hostOf(host: string): string {
  return (URL.parse(`https://${host}`)?.hostname ?? host).replace(/\.$/u, '')
}

function joined(host: string, path: string): string | undefined {
  const bare = decoded(path.replace(/[?#].*$/su, ''))
    ?.split('/')
    .filter((part) => part !== '')
    .join('/')
    .replace(/\.git$/iu, '')
  return bare === undefined || bare === '' || host === '' ? undefined : `${host}/${bare}`
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}
