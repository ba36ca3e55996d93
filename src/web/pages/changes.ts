import { valueText } from '../../model/json.ts'
import { displayName, displayOrigin } from '../../model/object.ts'
import type { Change, FieldChange, FieldDrift } from '../../model/plan.ts'
import { html, type Html } from '../html.ts'
import { toneIcon } from './icons.ts'
import { moment } from './time.ts'
import { ACTION_TONES, plural } from './words.ts'

/** Every change with action, object and reason; those beyond `most` are counted. What went wrong comes first. */
export function changeList(changes: readonly Change[], options: { most: number; now: number; open?: boolean }): Html {
  const urgency = ({ action }: Change): number => (action === 'failed' ? 0 : action === 'held' ? 1 : 2)
  const sorted = changes.toSorted((one, other) => urgency(one) - urgency(other))
  const rest = sorted.length - options.most
  return html`<ul class="changes">
${sorted.slice(0, options.most).map((change) => changeItem(change, options))}
${rest > 0 && html`<li class="rest">and ${plural(rest, 'more change')}</li>`}
</ul>`
}

function changeItem(change: Change, { now, open = false }: { now: number; open?: boolean }): Html {
  const tone = ACTION_TONES[change.action]
  return html`<li>
<span class="action ${tone}">${toneIcon(tone)}${change.action}</span>
<div>
<p><code class="object">${displayName(change.object)}</code> <span class="reason">${change.reason}</span></p>
${change.drift && change.drift.length > 0 && html`<ul class="drift">${change.drift.map((field) => driftItem(field, now))}</ul>`}
${change.diff && change.diff.length > 0 && differences(change.diff, change.moreFields ?? 0, open)}
${change.fix !== undefined && html`<p class="fix">${change.fix}</p>`}
${change.origin && html`<p class="origin">${displayOrigin(change.origin)}</p>`}
</div>
</li>
`
}

/** What changes, field by field: with a sign, not by colour alone. */
function differences(diff: readonly FieldChange[], more: number, open: boolean): Html {
  return html`<details class="diff"${open && html` open`}><summary>${plural(diff.length + more, 'field')}</summary>
<ul>${diff.map(fieldItem)}${more > 0 && html`<li class="rest">and ${plural(more, 'more field')}</li>`}</ul></details>`
}

const SIGNS = { add: '+', change: '~', remove: '−' } as const

function fieldItem({ field, op, before, after, lines }: FieldChange): Html {
  return html`<li class="${op}"><span class="sign" aria-hidden="true">${SIGNS[op]}</span>
<div><span class="for-readers">${op} </span><code>${field}</code>${
    lines
      ? html`<pre>${lines.map((line) => html`<span class="${LINES[line[0] ?? ''] ?? 'same'}">${line === '' ? ' ' : line}</span>`)}</pre>`
      : html` ${before !== undefined && html`<code class="value before">${valueText(before)}</code>`}${op === 'change' && ' → '}${
          after !== undefined && html`<code class="value after">${valueText(after)}</code>`
        }`
  }</div></li>`
}

const LINES: Readonly<Record<string, string>> = { '+': 'add', '-': 'remove' }

function driftItem({ field, manager, at }: FieldDrift, now: number): Html {
  return html`<li><code>${field}</code> by ${manager ?? 'unknown'}${at !== undefined && html` at ${moment(at, now)}`}</li>`
}
