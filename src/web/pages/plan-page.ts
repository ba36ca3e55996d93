import type { Principal } from '../../model/access.ts'
import { displaySubject, type PlanOutcome, type PlanReport, type PlanSubject } from '../../model/plan-report.ts'
import { html, type Html } from '../html.ts'
import { heldNotice } from './application-card.ts'
import { changeList } from './changes.ts'
import { badge } from './icons.ts'
import { page } from './layout.ts'
import { problemNotice, revisionCode, timingsText } from './result-view.ts'
import { ago } from './time.ts'
import { countsText, type Word } from './words.ts'

const PLAN_WORDS: Readonly<Record<PlanOutcome, Word>> = {
  unchanged: { label: 'No changes', tone: 'good' },
  changes: { label: 'Changes', tone: 'busy' },
  refused: { label: 'Refused', tone: 'bad' },
  failed: { label: 'No plan', tone: 'bad' },
}

/** What a sync would do now: asked for when the page is opened, and shown with every difference. */
export function planPage(
  application: string,
  subject: PlanSubject,
  report: PlanReport | undefined,
  { now, who }: { readonly now: number; readonly who: Principal },
): Html {
  return page({
    who,
    title: `Plan of ${application} · gitwake`,
    live: false,
    main: html`<p class="back"><a href="/applications/${encodeURIComponent(application)}">← ${application}</a></p>
<section class="panel plan"><h1 class="name">Plan of ${application}</h1>
${report === undefined ? late() : planned(application, subject, report, now)}
</section>`,
  })
}

function late(): Html {
  return html`<p>No worker has made the plan yet. It goes on: <a href="">look again</a>.</p>`
}

function planned(application: string, subject: PlanSubject, report: PlanReport, now: number): Html {
  const { outcome, revision, finishedAt, cluster, changes, counts, held, problem, warnings } = report
  return html`<div class="entry-head">${badge(PLAN_WORDS[outcome], 'Plan')}
${revision !== undefined && revisionCode(revision)}
<span class="muted">${displaySubject(subject)}, against ${cluster}, ${ago(finishedAt, now)}</span></div>
<p>${outcome === 'failed' ? 'The plan could not be made.' : countsText(counts)}</p>
${problem && problemNotice(problem)}
${held && (subject.of === 'head' ? heldNotice(application, held.reason, held.fix, held.digest) : html`<div class="notice hold"><p class="said">${held.reason}</p></div>`)}
${warnings.length > 0 && html`<ul class="warnings">${warnings.map((warning) => html`<li>${warning}</li>`)}</ul>`}
${changes.length > 0 && changeList(changes, { most: 1_000, now, open: true })}
<p class="origin">${timingsText(report.timings)} · a plan only reads: nothing was written</p>`
}
