import { html, type Html } from '../html.ts'
import type { Tone, Word } from './words.ts'

const icon = (shape: Html): Html =>
  html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">${shape}</svg>`

/** Differ in shape, not only in colour. */
const TONE_ICONS: Readonly<Record<Tone, Html>> = {
  good: icon(html`<circle cx="8" cy="8" r="6.5" /><path d="m5.2 8.2 2 2 3.8-4.2" />`),
  busy: icon(html`<path d="M14.3 6.4A6.5 6.5 0 0 0 2.6 4.6M1.7 9.6a6.5 6.5 0 0 0 11.7 1.8" /><path d="M2.4 1.8v3h3M13.6 14.2v-3h-3" />`),
  warn: icon(html`<path d="M8 2 1.6 13.5h12.8z" /><path d="M8 6.5v3.2M8 11.6v.1" />`),
  bad: icon(html`<circle cx="8" cy="8" r="6.5" /><path d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4" />`),
  hold: icon(html`<circle cx="8" cy="8" r="6.5" /><path d="M6.4 5.6v4.8M9.6 5.6v4.8" />`),
  quiet: icon(html`<circle cx="8" cy="8" r="6.5" stroke-dasharray="2.4 2.4" /><path d="M6 8h4" />`),
}

/** A state as icon and word; `what` is read out before it ("Sync: Failed"). */
export function badge(word: Word, what: string): Html {
  return html`<span class="badge ${word.tone}">${TONE_ICONS[word.tone]}<span class="for-readers">${what}: </span>${word.label}</span>`
}

export function toneIcon(tone: Tone): Html {
  return TONE_ICONS[tone]
}

/** The mark: a bow and the wake behind it. */
export const mark: Html = html`<svg class="mark" viewBox="0 0 32 32" width="30" height="30" aria-hidden="true" focusable="false">
  <path d="M16 5 L5 26" /><path d="M16 5 L27 26" /><path class="inner" d="M16 14.5 L10.6 25" /><path class="inner" d="M16 14.5 L21.4 25" />
  <circle cx="16" cy="5.5" r="2.6" />
</svg>`
