/** The mark as favicon: follows the browser's light or dark theme. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke-linecap="round">
<style>g{stroke:#175e6b;fill:#175e6b}@media (prefers-color-scheme:dark){g{stroke:#7fd0dc;fill:#7fd0dc}}path{fill:none}</style>
<g stroke-width="3"><path d="M16 5 5 26M16 5l11 21"/><path d="M16 14.5 10.6 25M16 14.5 21.4 25" opacity=".55"/><circle cx="16" cy="5.5" r="2.6" stroke="none"/></g>
</svg>
`
