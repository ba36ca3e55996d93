const MARKUP = Symbol('markup')

/** Text that is safe to send as HTML: only `html` makes it. */
export interface Html {
  readonly [MARKUP]: string
}

/** What may stand in a template: text is escaped, markup is kept, lists are joined, nothing is nothing. */
export type Content = Html | string | number | undefined | null | false | readonly Content[]

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** A template whose values are always escaped. Attribute values must stand in double quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  let text = strings[0] ?? ''
  values.forEach((value, index) => {
    text += render(value) + (strings[index + 1] ?? '')
  })
  return { [MARKUP]: text }
}

/** The characters to send. */
export function htmlText(markup: Html): string {
  return markup[MARKUP]
}

function render(value: Content): string {
  if (value === undefined || value === null || value === false) return ''
  if (typeof value === 'string') return escape(value)
  if (typeof value === 'number') return String(value)
  return isList(value) ? value.map(render).join('') : value[MARKUP]
}

function isList(value: Html | readonly Content[]): value is readonly Content[] {
  return Array.isArray(value)
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character)
}
