import { ASSET_PATHS } from '../assets/asset-paths.ts'
import { html, type Html } from '../html.ts'
import { mark } from './icons.ts'

/** A whole page. `live` ones keep themselves up to date. */
export function page(options: { title: string; main: Html; live: boolean }): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${options.title}</title>
<link rel="icon" type="image/svg+xml" href="${ASSET_PATHS.icon}">
<link rel="stylesheet" href="${ASSET_PATHS.style}">
${options.live && html`<script src="${ASSET_PATHS.script}" defer></script>`}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="/">${mark}<span>gitwake</span></a>
<nav aria-label="Pages"><a href="/">Applications</a><a href="/queues/">Queues</a></nav>
${options.live && html`<p class="live" id="live" data-state="static">As of this page’s load</p>`}
</header>
<main id="main" tabindex="-1">
${options.main}
</main>
<div id="announcements" class="for-readers" aria-live="polite"></div>
</body>
</html>
`
}
