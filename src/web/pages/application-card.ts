import type { ApplicationStatus, PollFails, WaitsFor } from '../../model/result.ts'
import { displayPin, displayWord, type Pinned, type Suspended } from '../../model/standing.ts'
import { html, type Html } from '../html.ts'
import { changeList } from './changes.ts'
import { badge } from './icons.ts'
import { causeText, problemNotice, resultDetails, revisionCode, unhealthyNotice } from './result-view.ts'
import { ago, since } from './time.ts'
import { HEALTH_WORDS, OUTCOME_WORDS, SYNC_WORDS, countsText, plural, shortRef, type Tone } from './words.ts'

interface Options {
  readonly now: number
  /** Changes shown before the rest is only counted. */
  readonly most: number
  /** The level of its heading: 1 on its own page, 3 in the list. */
  readonly level: 1 | 3
}

/** One application with everything a person asks first: what is where, is it well, and if not, what to do. */
export function applicationCard(status: ApplicationStatus, options: Options): Html {
  const { application } = status
  const spoken = [SYNC_WORDS[status.sync].label, HEALTH_WORDS[status.health].label, status.drift.length > 0 && 'drifted']
  return html`<article class="application edge-${edgeOf(status)}" id="application-${application}" aria-labelledby="name-${application}"
 data-name="${application}" data-spoken="${spoken.filter(Boolean).join(', ')}">
<div class="head">
${heading(application, options.level)}
<div class="badges">${badge(SYNC_WORDS[status.sync], 'Sync')}${badge(HEALTH_WORDS[status.health], 'Health')}
${status.drift.length > 0 && badge({ label: 'Drifted', tone: 'warn' }, 'Drift')}</div>
</div>
${facts(status, options.now)}
<div class="sync">${options.level === 1 && html`<a class="button" href="/applications/${encodeURIComponent(application)}/plan">Plan</a>`}
<button type="button" data-sync="${application}" hidden>Sync now<span class="for-readers"> ${application}</span></button></div>
${notices(status, options)}
${lastResult(status, options)}
</article>
`
}

/** The colour of the edge: the worst that there is to say. */
function edgeOf({ sync, health, drift, pollFails }: ApplicationStatus): Tone {
  const tones = [SYNC_WORDS[sync].tone, HEALTH_WORDS[health].tone, drift.length > 0 || pollFails ? 'warn' : 'good'] as const
  const order: readonly Tone[] = ['bad', 'hold', 'warn', 'busy', 'good', 'quiet']
  return order.find((tone) => tones.some((one) => one === tone)) ?? 'quiet'
}

function heading(application: string, level: Options['level']): Html {
  if (level === 1) return html`<h1 class="name" id="name-${application}">${application}</h1>`
  return html`<h3 class="name" id="name-${application}"><a href="/applications/${encodeURIComponent(application)}">${application}</a></h3>`
}

function facts(status: ApplicationStatus, now: number): Html {
  return html`<dl class="facts">
<div><dt>Source</dt><dd><span class="mono">${status.repository}@${shortRef(status.ref)}</span>
<span class="path mono" title="${status.ref}">${status.path === '' ? '/' : status.path}</span></dd></div>
<div><dt>Destination</dt><dd><span class="mono">${status.cluster}</span> <span class="path mono">${status.namespace}</span></dd></div>
<div><dt>Revision</dt><dd>${revision(status, now)}</dd></div>
<div><dt>Last result</dt><dd>${summary(status, now)}</dd></div>
</dl>`
}

const NONE_YET = html`<span class="muted">none yet</span>`

function revision({ applied, head, unappliedSince }: ApplicationStatus, now: number): Html {
  const behind = head !== undefined && head.revision !== applied?.revision
  return html`${applied ? html`${revisionCode(applied.revision)} <span class="muted">${ago(applied.at, now)}</span>` : NONE_YET}
${behind && html`<span class="behind">→ ${revisionCode(head.revision)}<span class="for-readers"> is the head</span></span>`}
${unappliedSince !== undefined && html`<span class="behind">waiting ${since(unappliedSince, now)}</span>`}`
}

function summary({ lastResult, wanted, done }: ApplicationStatus, now: number): Html {
  const asked = wanted - done
  return html`${
    lastResult
      ? html`${OUTCOME_WORDS[lastResult.outcome].label} ${ago(lastResult.finishedAt, now)}
<span class="cause">${causeText(lastResult)}</span>`
      : NONE_YET
  }${asked > 0 && html`<span class="behind" title="${wanted} asked for, ${done} answered">${plural(asked, 'request')} pending</span>`}`
}

function notices(status: ApplicationStatus, options: Options): Html {
  const { drift, unhealthy, lastResult, application, suspended, pinned, waiting, pollFails } = status
  const held = lastResult?.outcome === 'held'
  return html`${suspended && suspendedNotice(application, suspended)}
${pinned && pinnedNotice(application, pinned)}
${waiting && waitingNotice(waiting)}
${pollFails && pollFailsNotice(pollFails, status.repository, options.now)}
${held && heldNotice(application, lastResult.message, lastResult.problem?.fix, lastResult.plan)}
${!held && lastResult?.problem && problemNotice(lastResult.problem)}
${unhealthy && unhealthyNotice(unhealthy, lastResult?.health.objects.length === 0)}
${
  drift.length > 0 &&
  html`<div class="notice warn"><p class="said">${plural(drift.length, 'object')} drifted from Git</p>
${changeList(drift, options)}</div>`
}`
}

function suspendedNotice(application: string, suspended: Suspended): Html {
  return html`<div class="notice hold"><p class="said">Suspended ${displayWord(suspended)}</p>
<p class="fix">Nothing is applied, healed or pruned. To go on: ${
    suspended.at === undefined ? html`remove <code>spec.suspend</code>` : html`<code>gitwake resume ${application}</code>`
  }</p></div>`
}

function pinnedNotice(application: string, pinned: Pinned): Html {
  return html`<div class="notice hold"><p class="said">Pinned ${displayPin(pinned)}</p>
<p class="fix">It follows its branch again once that moves on (<code>git revert</code> the bad commit), or with <code>gitwake unpin ${application}</code></p></div>`
}

function pollFailsNotice({ since: first, problem }: PollFails, repository: string, now: number): Html {
  return html`<div class="notice warn"><p class="said">Polls of ${repository} fail for ${since(first, now)}: ${problem.message}</p>
<p class="fix">${problem.fix}</p></div>`
}

function waitingNotice({ for: what, why, until }: WaitsFor): Html {
  return html`<div class="notice busy"><p class="said">Waiting for ${what === 'window' ? 'a window' : 'other applications'}${
    until !== undefined && html` until ${new Date(until).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  }</p><p class="fix">${why}</p></div>`
}

/** A plan that waits for a person's word. The script shows the button; without it, the API does the same. */
export function heldNotice(application: string, message: string, fix: string | undefined, plan: string | undefined): Html {
  return html`<div class="notice hold">
<p class="said">${message}</p>
<p class="fix">${fix ?? 'Read the held changes below. Correct the commit, or confirm exactly this plan.'}</p>
${
  plan !== undefined &&
  html`<details id="confirm-${application}"><summary>Confirm this plan</summary>
<p>Carries out exactly the plan <code title="${plan}">${plan.slice(0, 12)}</code>; if Git or the cluster changes first, it is held again.</p>
<pre>curl -X POST -H "Authorization: Bearer $TOKEN" \\
  ".../api/applications/${application}/sync?wait=60s&amp;confirm=${plan}"</pre>
<button type="button" data-sync="${application}" data-confirm="${plan}" hidden>Carry out this plan</button>
</details>`
}
</div>`
}

function lastResult({ lastResult: result, application }: ApplicationStatus, options: Options): Html | false {
  if (!result || (result.changes.length === 0 && result.warnings.length === 0)) return false
  const open = options.level === 1 ? html` open` : undefined
  const more = result.changes.length > options.most && options.level === 3
  return html`<details id="changes-${application}"${open}><summary>${countsText(result.counts)}</summary>
${resultDetails(result, options)}
${more && html`<p><a href="/applications/${encodeURIComponent(application)}">All ${plural(result.changes.length, 'change')}</a></p>`}
</details>`
}
