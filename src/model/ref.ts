/** Longest ref name accepted, in UTF-16 units: longer ones cannot be a file name anywhere. */
const maximumLength = 255

// What `git check-ref-format` forbids anywhere in a name: controls, space, DEL, ~ ^ : ? * [ \, "..", "@{", empty components,
// components that begin with "." or end with ".lock", and a final ".".
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const forbidden = /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|(?:^|\/)\.|\.lock(?:\/|$)|\.$|\/$/u

const objectId = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/iu

/**
 * The full name of a ref as users write it: `main` → `refs/heads/main`; `refs/tags/v1` stays as it is.
 * Undefined for whatever Git would not accept as a branch or tag name, for names that could be read as an option
 * (`--upload-pack=x`, `refs/heads/-x`), for `HEAD` and `@` (they name no branch), and for a bare commit id: an application follows a ref.
 * Source: git-check-ref-format(1).
 */
export function qualifyRef(text: string): string | undefined {
  const full = text.startsWith('refs/') ? text : `refs/heads/${text}`
  const [, category = '', ...rest] = full.split('/')
  const name = rest.join('/')
  if (full.length > maximumLength || !full.isWellFormed() || forbidden.test(full)) return undefined
  if (category === '' || name === '' || name === '@' || name === 'HEAD') return undefined
  if (category.startsWith('-') || name.startsWith('-') || objectId.test(name)) return undefined
  return full
}
