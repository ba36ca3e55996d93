import { displayName, displayOrigin } from '../../model/object.ts'
import type { Change, FieldDrift } from '../../model/plan.ts'
import { html, type Html } from '../html.ts'
import { toneIcon } from './icons.ts'
import { moment } from './time.ts'
import { ACTION_TONES, plural } from './words.ts'

/** Every change with action, object and reason; those beyond `most` are counted. What went wrong comes first. */
export function changeList(changes: readonly Change[], options: { most: number; now: number }): Html {
  const urgency = ({ action }: Change): number => (action === 'failed' ? 0 : action === 'held' ? 1 : 2)
  const sorted = changes.toSorted((one, other) => urgency(one) - urgency(other))
  const rest = sorted.length - options.most
  return html`<ul class="changes">
${sorted.slice(0, options.most).map((change) => changeItem(change, options.now))}
${rest > 0 && html`<li class="rest">and ${plural(rest, 'more change')}</li>`}
</ul>`
}

function changeItem(change: Change, now: number): Html {
  const tone = ACTION_TONES[change.action]
  return html`<li>
<span class="action ${tone}">${toneIcon(tone)}${change.action}</span>
<div>
<p><code class="object">${displayName(change.object)}</code> <span class="reason">${change.reason}</span></p>
${change.drift && change.drift.length > 0 && html`<ul class="drift">${change.drift.map((field) => driftItem(field, now))}</ul>`}
${change.fix !== undefined && html`<p class="fix">${change.fix}</p>`}
${change.origin && html`<p class="origin">${displayOrigin(change.origin)}</p>`}
</div>
</li>
`
}

function driftItem({ field, manager, at }: FieldDrift, now: number): Html {
  return html`<li><code>${field}</code> by ${manager ?? 'unknown'}${at !== undefined && html` at ${moment(at, now)}`}</li>`
}
