import type { Principal } from '../../model/access.ts'
import { ASSET_PATHS } from '../assets/asset-paths.ts'
import { html, type Html } from '../html.ts'
import { mark } from './icons.ts'

export interface PageOptions {
  readonly title: string
  readonly main: Html
  /** Keeps itself up to date. */
  readonly live: boolean
  /** Whose page it is. */
  readonly who?: Principal | undefined
  /** Stands in front of the door: leads to none of the pages behind it. */
  readonly closed?: boolean
  /** Where it leads at once. */
  readonly refresh?: string | undefined
}

/** A whole page. */
export function page(options: PageOptions): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${options.refresh !== undefined && html`<meta http-equiv="refresh" content="0;url=${options.refresh}">`}
<title>${options.title}</title>
<link rel="icon" type="image/svg+xml" href="${ASSET_PATHS.icon}">
<link rel="stylesheet" href="${ASSET_PATHS.style}">
${options.live && html`<script src="${ASSET_PATHS.script}" defer></script>`}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="/">${mark}<span>gitwake</span></a>
${options.closed !== true && html`<nav aria-label="Pages"><a href="/">Applications</a><a href="/queues/">Queues</a></nav>`}
<div class="aside">${options.live && html`<p class="live" id="live" data-state="static">As of this page’s load</p>`}${whoIs(options.who)}</div>
</header>
<main id="main" tabindex="-1">
${options.main}
</main>
<div id="announcements" class="for-readers" aria-live="polite"></div>
</body>
</html>
`
}

/** Only who logged in here can log out here: a token is the browser's own. */
function whoIs(who: Principal | undefined): Html | false {
  if (who === undefined) return false
  const name = html`<span class="who-name" title="${who.name}">${who.shared ? 'API token' : who.name}</span>`
  if (who.session === undefined) return html`<p class="who">${name}</p>`
  return html`<form class="who" method="post" action="/logout">${name}<button type="submit">Log out</button></form>`
}
