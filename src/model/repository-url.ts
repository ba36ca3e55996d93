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
 * Hosts that have several names for one repository: their ssh through the port of https, and Azure DevOps, whose webhooks name none but the https URL.
 * https://docs.github.com/en/authentication/troubleshooting-ssh/using-ssh-over-the-https-port,
 * https://learn.microsoft.com/en-us/azure/devops/repos/git/use-ssh-keys-to-authenticate
 */
const otherNames: readonly (readonly [RegExp, string])[] = [
  [/^ssh\.github\.com:443\//u, 'github.com/'],
  [/^altssh\.(gitlab\.com|bitbucket\.org):443\//u, '$1/'],
  [/^(?:ssh\.dev\.azure\.com|vs-ssh\.visualstudio\.com)\/v3\/([^/]+)\/([^/]+)\/([^/]+)$/u, 'dev.azure.com/$1/$2/_git/$3'],
  [/^([^./]+)\.visualstudio\.com\/(?:defaultcollection\/)?/u, 'dev.azure.com/$1/'],
  // A project's first repository is called as the project is.
  [/^dev\.azure\.com\/([^/]+)\/_git\/([^/]+)$/u, 'dev.azure.com/$1/$2/_git/$2'],
]

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
    return underOneName(joined(hostOf(host) + (port === '' || port === usual ? '' : `:${port}`), path))
  }
  const [, host = '', path = ''] = scpForm.exec(text) ?? []
  return host === '' || path.startsWith(':') ? undefined : underOneName(joined(hostOf(host), path))
}

function underOneName(form: string | undefined): string | undefined {
  return otherNames.reduce((known, [name, instead]) => known?.replace(name, instead), form?.toLowerCase())
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
