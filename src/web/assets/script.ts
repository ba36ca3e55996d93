import { spanText } from '../pages/time.ts'

/**
 * Keeps a page up to date: server-sent events say when, the page itself is fetched again, and what differs is patched into
 * the document, so that open details, focus and scroll stay. Without events it asks every ten seconds. No dependencies.
 */
export const SCRIPT = String.raw`'use strict'
${spanText.toString()}

const live = document.getElementById('live')
const main = document.getElementById('main')
const announcements = document.getElementById('announcements')

// Live text: times count on in the browser; buttons appear, because without this script they could do nothing.
function dress(root) {
  for (const time of root.querySelectorAll('time[data-span]')) {
    const text = spanText(Date.now() - Date.parse(time.dateTime)) + (time.dataset.span === 'ago' ? ' ago' : '')
    if (time.textContent !== text) time.textContent = text
  }
  for (const button of root.querySelectorAll('button[data-sync]')) button.hidden = false
}

// Patching: makes the children of one element equal to those of another. Elements with an id are kept, wherever they go.
function patch(old, fresh) {
  let cursor = old.firstChild
  for (const next of [...fresh.childNodes]) {
    const match = counterpart(old, cursor, next)
    if (!match) {
      old.insertBefore(document.importNode(next, true), cursor)
      continue
    }
    if (match === cursor) cursor = cursor.nextSibling
    else move(old, match, cursor)
    update(match, next)
  }
  while (cursor) {
    const gone = cursor
    cursor = cursor.nextSibling
    gone.remove()
  }
}

function counterpart(old, cursor, next) {
  if (next.nodeType === 1 && next.id) {
    const known = document.getElementById(next.id)
    return known && known.nodeName === next.nodeName && !known.contains(old) ? known : null
  }
  const fits = cursor && cursor.nodeType === next.nodeType && cursor.nodeName === next.nodeName && !cursor.id
  return fits ? cursor : null
}

function move(parent, node, before) {
  const focused = document.activeElement
  if (parent.moveBefore) parent.moveBefore(node, before)
  else parent.insertBefore(node, before)
  if (focused && focused !== document.activeElement && node.contains(focused)) focused.focus({ preventScroll: true })
}

function update(old, next) {
  if (old.nodeType !== 1) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue
    return
  }
  // What a person opened, typed or started is theirs.
  const kept = old.nodeName === 'DETAILS' ? ['open'] : old.nodeName === 'BUTTON' ? ['hidden', 'disabled'] : []
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name)
  for (const { name, value } of next.attributes) {
    if (!kept.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value)
  }
  if (old.nodeName !== 'INPUT' && !(old.nodeName === 'BUTTON' && old.disabled)) patch(old, next)
}

// Announcing: what changed its state, in words.
function spoken() {
  return new Map([...main.querySelectorAll('[data-spoken]')].map((card) => [card.dataset.name, card.dataset.spoken]))
}

function announce(before) {
  const said = []
  for (const [name, words] of spoken()) if (before.has(name) && before.get(name) !== words) said.push(name + ': ' + words)
  const rest = said.length > 3 ? '. And ' + (said.length - 3) + ' more.' : '.'
  if (said.length > 0) announcements.textContent = said.slice(0, 3).join('. ') + rest
}

// Refreshing: one request at a time; a hint that comes meanwhile asks once more afterwards.
let running = false
let again = false
let updatedAt = Date.now()

async function refresh() {
  if (running) return void (again = true)
  running = true
  try {
    const response = await fetch(location.href, { headers: { Accept: 'text/html' }, cache: 'no-store', signal: AbortSignal.timeout(20000) })
    // The session has ended: loading the page anew leads to the login.
    if (response.status === 401 || response.redirected) return location.reload()
    if (!response.ok && response.status !== 404) throw new Error('status ' + response.status)
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html')
    const before = spoken()
    dress(fresh)
    patch(main, fresh.getElementById('main'))
    if (document.title !== fresh.title) document.title = fresh.title
    announce(before)
    updatedAt = Date.now()
    show()
  } catch {
    show('lost')
  } finally {
    running = false
    if (again) {
      again = false
      refresh()
    }
  }
}

function show(state = events && events.readyState === 1 ? 'live' : 'polling') {
  if (!live) return
  const words = { live: 'Live', polling: 'Every 10 s', lost: 'Not connected; as of ' + spanText(Date.now() - updatedAt) + ' ago' }
  live.dataset.state = state
  if (live.textContent !== words[state]) live.textContent = words[state]
}

// Listening: only while somebody looks, because browsers allow few connections per server.
let events
let hint

function soon() {
  clearTimeout(hint)
  hint = setTimeout(refresh, 50)
}

function listen() {
  if (events || document.hidden) return
  events = new EventSource('/api/events')
  events.addEventListener('ready', soon)
  events.addEventListener('change', soon)
  events.addEventListener('error', () => {
    // A refusal ends an EventSource for good: the next tick opens another.
    if (events && events.readyState === 2) events = undefined
  })
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) return listen()
  if (events) events.close()
  events = undefined
})
addEventListener('pagehide', () => events && events.close())

// Asking: the buttons use the same API as curl, and wait for nothing; the result arrives like any other change.
async function ask(button) {
  const { sync, confirm } = button.dataset
  const label = button.innerHTML
  button.disabled = true
  button.textContent = 'Asking…'
  let answer = 'Asked for'
  try {
    const query = confirm ? '?confirm=' + encodeURIComponent(confirm) : ''
    const response = await fetch('/api/applications/' + encodeURIComponent(sync) + '/sync' + query, { method: 'POST' })
    if (!response.ok) answer = (await response.json()).error.message
  } catch {
    answer = 'gitwake did not answer'
  }
  button.textContent = answer
  announcements.textContent = sync + ': ' + answer + '.'
  soon()
  setTimeout(() => {
    button.innerHTML = label
    button.disabled = false
  }, 2500)
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-sync]')
  if (button && !button.disabled) ask(button)
})

dress(document)
listen()
setInterval(() => {
  dress(document)
  if (live && live.dataset.state === 'lost') show('lost')
}, 1000)
setInterval(() => {
  if (document.hidden) return
  listen()
  // A failure that was over before the server noticed it brings no event: who is lost asks again.
  if (!events || events.readyState !== 1 || (live && live.dataset.state === 'lost')) refresh()
}, 10000)
`
