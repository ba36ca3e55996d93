import { displayName, displayOrigin } from '../../model/object.ts'
import type { Problem } from '../../model/error.ts'
import type { ObjectHealth } from '../../model/health.ts'
import type { Trigger } from '../../model/job.ts'
import type { SyncResult } from '../../model/result.ts'
import { html, type Html } from '../html.ts'
import { changeList } from './changes.ts'
import { badge } from './icons.ts'
import { ago, tookText } from './time.ts'
import { HEALTH_WORDS, OUTCOME_WORDS, REASON_WORDS, countsText, plural } from './words.ts'

/** A commit, short; the full SHA is its title. */
export function revisionCode(revision: string): Html {
  return html`<code class="revision" title="${revision}">${revision.slice(0, 7)}</code>`
}

/** What stopped a sync, and what to do about it. */
export function problemNotice(problem: Problem): Html {
  const place = [problem.object && displayName(problem.object), problem.origin && displayOrigin(problem.origin)].filter(Boolean).join(' · ')
  return html`<div class="notice bad">
<p class="said">${problem.message}</p>
<p class="fix">${problem.fix}</p>
${place !== '' && html`<p class="origin">${place}</p>`}
${problem.retryable && html`<p class="origin">gitwake tries again by itself.</p>`}
</div>`
}

/** Which objects are not well, and why; the first few of them. */
export function unhealthyNotice(objects: readonly ObjectHealth[], isAll: boolean): Html | false {
  const failed = objects.filter(({ status }) => status === 'failed')
  const told = failed.length === 0 && isAll ? objects : failed
  if (told.length === 0) return false
  const what = `${plural(told.length, 'object')} ${told.length === 1 ? 'is' : 'are'} ${failed.length === 0 ? 'not ready' : 'unhealthy'}`
  return html`<div class="notice ${failed.length === 0 ? 'busy' : 'bad'}">
<p class="said">${what}</p>
<ul>${told.slice(0, 5).map(({ object, message, log }) => html`<li><code class="object">${displayName(object)}</code> ${message}${logBlock(log)}</li>`)}</ul>
</div>`
}

/** Who or what asked for a sync: "after a push by anna". */
export function causeText({ reason, triggers }: SyncResult): string {
  const named = new Set(triggers.flatMap(({ actor }) => actor ?? []))
  // Nobody, and nothing that was found in the repository.
  const isConfigured = named.delete('configuration')
  const actors = [...named]
  if (isConfigured && reason === 'poll' && actors.length === 0) return 'after a change of the configuration'
  const more = actors.length > 2 ? ` and ${actors.length - 2} more` : ''
  const by = actors.length === 0 ? '' : ` by ${actors.slice(0, 2).join(', ')}${more}`
  return `${REASON_WORDS[reason]}${by}`
}

/** One entry of the history. */
export function historyItem(result: SyncResult, now: number): Html {
  return html`<li class="entry" id="seen-${result.seen}-${result.startedAt}">
<div class="entry-head">${badge(OUTCOME_WORDS[result.outcome], 'Outcome')}
${result.revision === undefined ? html`<span class="muted">no revision</span>` : revisionCode(result.revision)}
<span class="muted">${ago(result.finishedAt, now)} ${causeText(result)}, took ${tookText(result.finishedAt - result.startedAt)}</span></div>
<p>${result.message}</p>
${result.problem && problemNotice(result.problem)}
${
  hasDetails(result) &&
  html`<details id="details-${result.seen}-${result.startedAt}"><summary>${countsText(result.counts)}</summary>
${resultDetails(result, { most: 200, now })}</details>`
}
</li>
`
}

function hasDetails(result: SyncResult): boolean {
  return result.changes.length > 0 || result.warnings.length > 0 || result.health.objects.length > 0
}

/** Changes, warnings, unhealthy objects, triggers and timings of one result. */
export function resultDetails(result: SyncResult, options: { most: number; now: number }): Html {
  const unhealthy = result.health.objects.filter(({ status }) => status !== 'current')
  return html`${result.changes.length > 0 && changeList(result.changes, options)}
${result.warnings.length > 0 && html`<ul class="warnings">${result.warnings.map((warning) => html`<li>${warning}</li>`)}</ul>`}
${unhealthy.length > 0 && html`<ul class="unhealthy">${unhealthy.slice(0, options.most).map(healthItem)}</ul>`}
<p class="origin">${timingsText(result.timings)}</p>
${deliveriesOf(result.triggers)}`
}

function healthItem({ object, status, message, log }: ObjectHealth): Html {
  return html`<li>${badge(HEALTH_WORDS[status], 'Health')} <code class="object">${displayName(object)}</code> ${message}${logBlock(log)}</li>`
}

/** What the container at fault has written last. */
function logBlock(log: readonly string[] = []): Html | false {
  return log.length > 0 && html`<pre>${log.join('\n')}</pre>`
}

export function timingsText(timings: SyncResult['timings']): string {
  return Object.entries(timings)
    .map(([stage, milliseconds]) => `${stage} ${tookText(milliseconds)}`)
    .join(' · ')
}

function deliveriesOf(triggers: readonly Trigger[]): Html | false {
  const deliveries = triggers.flatMap(({ delivery }) => delivery ?? [])
  if (deliveries.length === 0) return false
  const links = deliveries
    .slice(0, 5)
    .map(({ provider, id }) => html` <a href="/api/deliveries/${encodeURIComponent(id)}">${provider} ${id}</a>`)
  return html`<p class="origin">Delivered as${links}</p>`
}
