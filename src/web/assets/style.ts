/** Calm by default: paper and ink, one accent, colour only where a state needs it. Every pair of colours passes WCAG AA. */
export const STYLE = String.raw`
:root {
  color-scheme: light dark;
  --paper: #f6f6f2; --card: #ffffff; --ink: #1c2329; --soft: #56616b; --line: #dfe1dc; --sunken: #f2f3ef;
  --accent: #175e6b; --focus: #0b6bcb;
  --good: #1d6b43; --good-bg: #e6f3ea; --busy: #1f5795; --busy-bg: #e5eff9; --warn: #7d4e00; --warn-bg: #fbf0d9;
  --bad: #a3221b; --bad-bg: #fbe9e7; --hold: #62379a; --hold-bg: #f0e9f9; --quiet: #56616b; --quiet-bg: #eceeeb;
  --shadow: 0 1px 2px rgb(28 35 41 / 5%), 0 4px 16px rgb(28 35 41 / 4%);
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', 'DejaVu Sans Mono', monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161a; --card: #1a2026; --ink: #e7eaed; --soft: #a0abb5; --line: #2c343c; --sunken: #151a1f;
    --accent: #7fd0dc; --focus: #7ab8ff;
    --good: #79d19b; --good-bg: #17301f; --busy: #8fbcf2; --busy-bg: #172a40; --warn: #ecbc63; --warn-bg: #33270f;
    --bad: #ff9a90; --bad-bg: #3b1b19; --hold: #c9aaf3; --hold-bg: #2b2040; --quiet: #a0abb5; --quiet-bg: #252c33;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif; }
h1, h2, h3, p, ul, ol, dl, dd, pre { margin: 0; padding: 0; }
ul, ol { list-style: none; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 3px; }
code, pre, .mono { font-family: var(--mono); font-size: .9em; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
.for-readers { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 12px; top: -60px; z-index: 2; padding: 8px 14px; background: var(--card); border-radius: 0 0 8px 8px; }
.skip:focus { top: 0; }
.muted { color: var(--soft); }
.icon { width: 1em; height: 1em; flex: none; fill: none; stroke: currentcolor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }

.top, main { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
.top { display: flex; align-items: center; gap: 28px; padding-top: 22px; padding-bottom: 14px; }
.brand { display: inline-flex; align-items: center; gap: 8px; color: var(--ink); font-size: 19px; font-weight: 650; letter-spacing: -.01em; text-decoration: none; }
.mark { fill: none; stroke: var(--accent); stroke-width: 2.6; stroke-linecap: round; }
.mark .inner { opacity: .5; }
.mark circle { fill: var(--accent); stroke: none; }
.top nav { display: flex; gap: 20px; }
.top nav a { color: var(--soft); text-decoration: none; }
.top nav a:hover { color: var(--ink); text-decoration: underline; }
.aside { margin-left: auto; min-width: 0; display: flex; flex-wrap: wrap; justify-content: flex-end; align-items: center; gap: 4px 18px; color: var(--soft); font-size: 13px; }
.who { display: flex; align-items: center; gap: 10px; min-width: 0; }
.who-name { max-width: 260px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.live { display: inline-flex; align-items: center; gap: 8px; color: var(--soft); font-size: 13px; }
.live::before { content: ''; width: 8px; height: 8px; border-radius: 50%; border: 2px solid var(--soft); box-sizing: border-box; }
.live[data-state='live']::before { background: var(--good); border-color: var(--good); }
.live[data-state='lost'] { color: var(--bad); }
.live[data-state='lost']::before { border-color: var(--bad); }
main { padding-bottom: 64px; }

.overview { display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: center; justify-content: space-between; margin: 10px 0 6px; }
.chips { display: flex; flex-wrap: wrap; gap: 8px; }
.chip { display: inline-flex; align-items: center; gap: 6px; padding: 4px 12px; border: 1px solid var(--line); border-radius: 99px; background: var(--card); color: var(--ink); font-size: 14px; text-decoration: none; }
.chip b { font-weight: 650; font-variant-numeric: tabular-nums; }
.chip:hover { border-color: var(--soft); }
.chip[aria-current] { background: var(--ink); border-color: var(--ink); color: var(--paper); }
.chip .icon { color: var(--tone); }
.chip[aria-current] .icon { color: inherit; }
.search { flex: 0 1 290px; min-width: 0; }
.search input { width: 100%; padding: 7px 14px; border: 1px solid var(--line); border-radius: 99px; background: var(--card); color: var(--ink); font: inherit; font-size: 14px; }
.search input::placeholder { color: var(--soft); opacity: 1; }

.group { margin-top: 26px; }
.group > h2 { margin-bottom: 10px; font-size: 14px; font-weight: 600; color: var(--soft); }
.count { margin-left: 4px; font-weight: 400; font-variant-numeric: tabular-nums; }
.list { display: grid; gap: 10px; }
.application, .panel, .history { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); }
.application { position: relative; display: grid; grid-template: 'head facts sync' auto / minmax(0, 250px) minmax(0, 1fr) auto; gap: 0 24px; padding: 14px 18px 13px 20px; overflow: hidden; }
.application > * { grid-column: 1 / -1; min-width: 0; }
.application > .head { grid-area: head; }
.application > .facts { grid-area: facts; }
.application > .sync { grid-area: sync; align-self: start; display: flex; flex-wrap: wrap; gap: 6px; }
.button { display: inline-block; text-decoration: none; }
.application::before { content: ''; position: absolute; inset: 0 auto 0 0; width: 4px; background: var(--tone); opacity: .85; }
.edge-good::before, .edge-quiet::before { opacity: 0; }
.head { display: grid; gap: 6px; align-content: start; }
.name { font-size: 17px; font-weight: 620; letter-spacing: -.01em; overflow-wrap: anywhere; min-width: 0; }
h1.name { font-size: 22px; }
.name a { color: inherit; text-decoration: none; }
.name a:hover { text-decoration: underline; }
.badges { display: flex; flex-wrap: wrap; gap: 6px; }
.badge { position: relative; display: inline-flex; align-items: center; gap: 5px; padding: 1px 10px 1px 7px; border-radius: 99px; background: var(--tone-bg); color: var(--tone); font-size: 13px; font-weight: 560; white-space: nowrap; }
button, .button { padding: 3px 13px; border: 1px solid var(--line); border-radius: 99px; background: transparent; color: var(--ink); font: inherit; font-size: 13px; cursor: pointer; }
button:hover, .button:hover { border-color: var(--soft); }
button:disabled { color: var(--soft); cursor: default; }
.good { --tone: var(--good); --tone-bg: var(--good-bg); } .busy, .edge-busy { --tone: var(--busy); --tone-bg: var(--busy-bg); }
.warn, .edge-warn { --tone: var(--warn); --tone-bg: var(--warn-bg); } .bad, .edge-bad { --tone: var(--bad); --tone-bg: var(--bad-bg); }
.hold, .edge-hold { --tone: var(--hold); --tone-bg: var(--hold-bg); } .quiet { --tone: var(--quiet); --tone-bg: var(--quiet-bg); }

.facts { display: grid; grid-template-columns: 1.2fr .9fr 1.1fr 1.25fr; gap: 4px 20px; font-size: 14px; line-height: 1.45; }
.facts > div { min-width: 0; }
.facts dt { color: var(--soft); font-size: 12.5px; }
.facts dd { overflow-wrap: anywhere; }
.path, .cause { display: block; color: var(--soft); }
.revision { padding: 0 5px; margin-left: -1px; border: 1px solid var(--line); border-radius: 5px; background: var(--sunken); }
.behind { display: block; color: var(--warn); }
.behind .revision { color: inherit; }

.notice { margin-top: 12px; padding: 10px 14px; border-radius: 8px; background: var(--tone-bg); overflow-wrap: anywhere; font-size: 14px; }
.notice .said { color: var(--tone); font-weight: 600; }
.fix { margin-top: 2px; }
.origin { margin-top: 3px; color: var(--soft); font-size: 13px; overflow-wrap: anywhere; }
.notice .origin { color: inherit; }
.notice details { margin-top: 6px; }
.notice button { border-color: var(--tone); margin-top: 8px; }
pre { margin: 10px 0; padding: 12px 14px; border: 1px solid var(--line); border-radius: 8px; background: var(--sunken); overflow-x: auto; line-height: 1.45; white-space: pre-wrap; overflow-wrap: anywhere; }

details { margin-top: 8px; font-size: 14px; }
summary { width: fit-content; padding: 1px 2px; color: var(--soft); cursor: pointer; }
summary:hover { color: var(--ink); }
details > :not(summary) { margin-left: 2px; }
.changes { margin-top: 6px; display: grid; }
.changes > li { display: grid; grid-template-columns: 112px minmax(0, 1fr); gap: 4px 12px; padding: 7px 0; border-top: 1px solid var(--line); }
.changes > li:first-child { border-top: 0; }
.notice .changes > li { border-color: color-mix(in srgb, var(--tone) 25%, transparent); }
.changes > .rest { display: block; color: var(--soft); }
.changes p { overflow-wrap: anywhere; }
.action { display: inline-flex; align-items: center; align-self: start; gap: 6px; color: var(--tone); font-weight: 560; }
.object { overflow-wrap: anywhere; }
.reason { color: var(--soft); }
.notice .reason, .notice .muted { color: inherit; }
.diff { margin-top: 2px; }
.diff ul { display: grid; gap: 3px; margin-top: 4px; }
.diff li { display: grid; grid-template-columns: 1.1em minmax(0, 1fr); overflow-wrap: anywhere; }
.diff .rest { display: block; color: var(--soft); }
.diff .sign { color: var(--tone); font-family: var(--mono); font-weight: 650; }
.diff .add { --tone: var(--good); --tone-bg: var(--good-bg); } .diff .remove { --tone: var(--bad); --tone-bg: var(--bad-bg); } .diff .change { --tone: var(--busy); }
.diff .value { padding: 0 4px; border-radius: 4px; background: var(--sunken); white-space: pre-wrap; }
.diff .before { --tone: var(--bad); --tone-bg: var(--bad-bg); } .diff .after { --tone: var(--good); --tone-bg: var(--good-bg); }
.diff .value.before, .diff .value.after, .diff pre .add, .diff pre .remove { background: var(--tone-bg); color: var(--tone); }
.diff pre { margin: 4px 0; padding: 6px 10px; } .diff pre span { display: block; }
.plan .entry-head { margin-top: 10px; }
.drift { margin-top: 2px; } .drift li { overflow-wrap: anywhere; }
.warnings { margin-top: 8px; padding-left: 18px; list-style: disc; color: var(--warn); }
.unhealthy { display: grid; gap: 6px; margin-top: 8px; }

.panel { padding: 28px 32px; } .plain { max-width: 720px; margin: 40px auto 0; }
.panel > * + * { margin-top: 10px; }
.panel h1 { font-size: 21px; line-height: 1.3; } .panel h2 { font-size: 19px; }
.offers { display: grid; gap: 10px; justify-items: start; margin: 18px 0; }
.main.button { padding: 8px 20px; border-color: var(--accent); background: var(--accent); color: var(--paper); font-size: 15px; overflow-wrap: anywhere; }
.main.button:hover { border-color: var(--ink); text-decoration: underline; }
.kicker { color: var(--soft); font-variant-numeric: tabular-nums; }
.back { margin: 6px 0 14px; font-size: 14px; }
.history { padding: 4px 20px; }
.entry { padding: 13px 0; border-top: 1px solid var(--line); font-size: 14px; overflow-wrap: anywhere; }
.entry:first-child { border-top: 0; }
.entry-head { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; margin-bottom: 3px; }

@media (max-width: 980px) {
  .application { grid-template: 'head sync' auto 'facts facts' auto / minmax(0, 1fr) auto; }
  .head { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 14px; }
  .facts { grid-template-columns: repeat(4, minmax(0, 1fr)); margin-top: 10px; }
}
@media (max-width: 700px) {
  .top, main { padding-left: 14px; padding-right: 14px; }
  .top { flex-wrap: wrap; gap: 4px 14px; padding-top: 14px; }
  .top nav { gap: 12px; font-size: 14px; }
  .overview { gap: 10px; }
  .search { flex-basis: 100%; }
  .application { grid-template: 'head sync' auto 'badges badges' auto 'facts facts' auto / minmax(0, 1fr) auto; padding: 14px 16px; }
  .head { display: contents; }
  .name { grid-area: head; align-self: center; }
  .badges { grid-area: badges; margin-top: 6px; }
  .facts { grid-template-columns: 1fr; gap: 8px; }
  .facts > div { display: grid; grid-template-columns: 92px minmax(0, 1fr); }
  .facts dt { padding-top: 1px; }
  .changes > li { grid-template-columns: minmax(0, 1fr); }
  .panel { padding: 20px; }
  .history { padding: 2px 16px; }
}
@media (pointer: coarse) { button, .chip, summary { min-height: 36px; } .chip { padding: 6px 14px; } }
@media (prefers-reduced-motion: no-preference) { .edge-busy .head .badge.busy:first-child .icon { animation: turn 2.4s linear infinite; } }
@media (forced-colors: active) { .badge, .notice, .chip { border: 1px solid; } }
@keyframes turn { to { rotate: 1turn; } }
`
