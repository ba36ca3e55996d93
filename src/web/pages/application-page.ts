import type { Principal } from '../../model/access.ts'
import type { ApplicationStatus, SyncResult } from '../../model/result.ts'
import { html, type Html } from '../html.ts'
import { applicationCard } from './application-card.ts'
import { page } from './layout.ts'
import { historyItem } from './result-view.ts'

/** The page of one application: its card, opened, and its history, newest first. */
export function applicationPage(status: ApplicationStatus, history: readonly SyncResult[], now: number, who?: Principal): Html {
  return page({
    who,
    title: `${status.application} · gitwake`,
    live: true,
    main: html`<p class="back"><a href="/">← All applications</a></p>
${applicationCard(status, { now, most: 500, level: 1 })}
<section class="group" aria-labelledby="history-title">
<h2 id="history-title">History <span class="count">${history.length}</span></h2>
${
  history.length === 0
    ? html`<p class="muted">No sync has finished yet.</p>`
    : html`<ol class="history" id="history">${history.map((result) => historyItem(result, now))}</ol>`
}
</section>`,
  })
}
