import { html, type Html } from '../html.ts'

/**
 * How long something is ago or lasts, in one unit: `12 s`, `3 min`, `5 h`, `2 days`.
 * Self-contained, because the page's script carries this very function to the browser.
 */
export function spanText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  if (seconds < 60) return seconds + ' s'
  if (seconds < 3600) return Math.floor(seconds / 60) + ' min'
  if (seconds < 172800) return Math.floor(seconds / 3600) + ' h'
  return Math.floor(seconds / 86400) + ' days'
}

/** How long something took: `38 ms`, `1.2 s`, `3 min`. */
export function tookText(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.max(0, Math.round(milliseconds))} ms`
  return milliseconds < 60_000 ? `${(milliseconds / 1_000).toFixed(1)} s` : spanText(milliseconds)
}

/** `3 min ago`, kept true by the page's script; the exact time is its title. */
export function ago(at: number, now: number): Html {
  const exact = isoOf(at)
  return html`<time datetime="${exact}" title="${exact}" data-span="ago">${spanText(now - at)} ago</time>`
}

/** `3 min`, counted since a moment. */
export function since(at: number, now: number): Html {
  const exact = isoOf(at)
  return html`<time datetime="${exact}" title="since ${exact}" data-span="since">${spanText(now - at)}</time>`
}

/** A recorded moment that need not be a valid date (it comes from the API server): `12:03:11` within a day, else the date too. */
export function moment(iso: string, now: number): Html {
  const at = Date.parse(iso)
  if (Number.isNaN(at)) return html`${iso}`
  const exact = isoOf(at)
  const [day = '', time = ''] = exact.slice(0, 19).split('T')
  return html`<time datetime="${exact}" title="${exact}">${Math.abs(now - at) < 86_400_000 ? time : `${day} ${time}`} UTC</time>`
}

function isoOf(at: number): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? 'unknown' : date.toISOString()
}
