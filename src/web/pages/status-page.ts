import type { Principal } from '../../model/access.ts'
import { displayDeparture, type Orphan } from '../../model/departure.ts'
import type { ApplicationStatus } from '../../model/result.ts'
import { html, type Html } from '../html.ts'
import { applicationCard } from './application-card.ts'
import { toneIcon } from './icons.ts'
import { page } from './layout.ts'
import { ago } from './time.ts'
import { HEALTH_WORDS, SYNC_WORDS, needsAttention, plural, type Tone } from './words.ts'

/** What the address asks to see: a state (as its chip names it) and a piece of a name. */
export interface Filter {
  readonly state: string
  readonly search: string
}

interface Chip {
  readonly key: string
  readonly label: string
  readonly tone: Tone
  readonly matches: (status: ApplicationStatus) => boolean
}

const CHIPS: readonly Chip[] = [
  ...Object.entries(SYNC_WORDS).map(([state, { label, tone }]) => ({
    key: state.replaceAll(' ', '-'),
    label,
    tone,
    matches: (status: ApplicationStatus) => status.sync === state,
  })),
  { key: 'drifted', label: 'Drifted', tone: 'warn', matches: ({ drift }) => drift.length > 0 },
  { key: 'unhealthy', label: HEALTH_WORDS.failed.label, tone: 'bad', matches: ({ health }) => health === 'failed' },
]

/** The page at `/`: what needs attention first, then everything else, both by name. */
export function statusPage(
  statuses: readonly ApplicationStatus[],
  orphans: readonly Orphan[],
  filter: Filter,
  { now, who }: { readonly now: number; readonly who?: Principal },
): Html {
  const shown = filtered(statuses, filter).toSorted((one, other) => one.application.localeCompare(other.application, 'en'))
  const attention = shown.filter(needsAttention)
  const rest = shown.filter((status) => !needsAttention(status))
  return page({
    who,
    title: attention.length > 0 ? `(${attention.length}) Applications · gitwake` : 'Applications · gitwake',
    live: true,
    main: html`<h1 class="for-readers">Applications</h1>
${statuses.length === 0 ? emptyState : overview(statuses, filter)}
${statuses.length > 0 && shown.length === 0 && noMatch}
${section('attention', 'Needs attention', attention, now)}
${section('rest', titleOfRest(attention.length, rest), rest, now)}
${orphans.length > 0 && leftBehind(orphans, now)}`,
  })
}

/** What the configuration has no more, although clusters still carry it. */
function leftBehind(orphans: readonly Orphan[], now: number): Html {
  return html`<section class="group" id="orphans" aria-labelledby="orphans-title">
<h2 id="orphans-title">Orphaned <span class="count">${orphans.length}</span></h2>
${orphans.map((orphan) => {
  const { application, cluster, objects, since, problem } = orphan
  const becomes = displayDeparture(orphan)
  const state = becomes === 'stays' ? '' : `, ${becomes}`
  return html`<div class="notice hold"><p class="said">${application} on ${cluster}: ${plural(objects, 'object')} without an application, found ${ago(since, now)}${state}</p>
${problem !== undefined && html`<p>${problem.message}</p><p class="fix">${problem.fix}</p>`}<p class="fix">${wayOut(orphan)}</p></div>`
})}
</section>
`
}

function wayOut({ application, departure, deletionPolicy }: Orphan): Html | string {
  if (departure !== undefined) return 'It is tried again until nothing of it is left.'
  if (deletionPolicy === 'prune')
    return html`Its deletionPolicy has it deleted; beyond its budget that waits for <code>gitwake delete ${application}</code>`
  return html`Configure it again under its name, or let go of it: <code>gitwake detach ${application}</code> leaves the objects, <code>gitwake delete ${application}</code> deletes them`
}

function titleOfRest(attention: number, rest: readonly ApplicationStatus[]): string {
  if (attention > 0) return 'Everything else'
  return rest.every(({ sync, health }) => sync === 'synced' && health === 'current') ? 'All is well' : 'Applications'
}

function filtered(statuses: readonly ApplicationStatus[], { state, search }: Filter): readonly ApplicationStatus[] {
  const chip = CHIPS.find(({ key }) => key === state)
  const words = search.toLowerCase().split(/\s+/)
  return statuses.filter((status) => {
    const text = [status.application, status.cluster, status.namespace, status.repository, status.path].join(' ').toLowerCase()
    return (chip?.matches(status) ?? true) && words.every((word) => text.includes(word))
  })
}

function section(id: string, title: string, statuses: readonly ApplicationStatus[], now: number): Html | false {
  if (statuses.length === 0) return false
  return html`<section class="group" id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title} <span class="count">${statuses.length}</span></h2>
<div class="list" id="${id}-list">
${statuses.map((status) => applicationCard(status, { now, most: 25, level: 3 }))}
</div>
</section>
`
}

function overview(statuses: readonly ApplicationStatus[], filter: Filter): Html {
  const chips = CHIPS.map((chip) => ({ ...chip, count: statuses.filter(chip.matches).length })).filter(
    ({ count, key }) => count > 0 || key === filter.state,
  )
  const all = { key: '', label: 'All', tone: undefined, count: statuses.length }
  return html`<div class="overview">
<nav aria-label="Applications by state"><ul class="chips">
${[all, ...chips].map(
  ({ key, label, tone, count }) => html`<li><a class="chip ${tone}" href="${address(key, filter.search)}"${
    key === filter.state && html` aria-current="true"`
  }>${tone && toneIcon(tone)}${label} <b>${count}</b></a></li>
`,
)}</ul></nav>
<form class="search" role="search" action="/"><label><span class="for-readers">Find applications</span>
<input type="search" name="q" value="${filter.search}"
 placeholder="Find by name, cluster, repository" autocomplete="off" spellcheck="false"></label>
${filter.state !== '' && html`<input type="hidden" name="state" value="${filter.state}">`}</form>
<p class="for-readers">${plural(statuses.length, 'application')}</p>
</div>`
}

function address(state: string, search: string): string {
  const query = new URLSearchParams({ ...(state !== '' && { state }), ...(search !== '' && { q: search }) }).toString()
  return query === '' ? '/' : `/?${query}`
}

const noMatch = html`<section class="panel plain">
<h2>No application matches</h2>
<p><a href="/">Show all of them</a></p>
</section>`

const emptyState = html`<section class="panel plain">
<h2>No applications yet</h2>
<p>An application is a folder of a Git repository that gitwake keeps equal to a namespace of a cluster. Add one to the file
that <code>GITWAKE_CONFIG</code> names; it shows up here without a restart.</p>
<pre>apiVersion: gitwake.dev/v1
kind: Application
metadata: {name: shop-prod}
spec:
  source: {repository: shop, ref: main, path: overlays/prod}
  destination: {cluster: prod, namespace: shop}</pre>
<p><code>gitwake validate</code> checks the file and names every problem at once.</p>
</section>`
