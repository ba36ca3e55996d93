import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Script } from 'node:vm'
import fc from 'fast-check'
import request from 'supertest'
import { SCRIPT } from '../../src/web/assets/script.ts'
import { html, htmlText } from '../../src/web/html.ts'
import { statusPage } from '../../src/web/pages/status-page.ts'
import { spanText } from '../../src/web/pages/time.ts'
import { everyState, sampleChange, sampleResult, sampleStatus } from './samples.ts'
import { BASIC, startWeb } from './start.ts'

const HOSTILE = `"><script>alert(1)</script><img src=x onerror='alert(1)'>&amp;`

test('whatever stands in a template is text, as content and as attribute', () => {
  assert.equal(
    htmlText(html`<a title="${HOSTILE}">${[HOSTILE, html`<b>${1}</b>`, undefined, false]}</a>`)
      .match(/<[a-z]+/g)
      ?.join(),
    '<a,<b',
  )
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.doesNotMatch(htmlText(html`${text}`), /[<>"']|&(?!(amp|lt|gt|quot|#39);)/)
    }),
  )
})

test('markup in any field of a status stays text', () => {
  const object = { group: HOSTILE, kind: HOSTILE, namespace: HOSTILE, name: HOSTILE }
  const change = sampleChange({
    object,
    reason: HOSTILE,
    fix: HOSTILE,
    origin: { file: HOSTILE, document: 2 },
    drift: [{ field: HOSTILE, manager: HOSTILE, at: HOSTILE }],
  })
  const problem = { code: HOSTILE, message: HOSTILE, fix: HOSTILE, retryable: true, object, origin: { file: HOSTILE, document: 1 } }
  const lastResult = sampleResult({
    outcome: 'failed',
    message: HOSTILE,
    revision: HOSTILE,
    problem,
    plan: HOSTILE,
    changes: [change],
    warnings: [HOSTILE],
    timings: { [HOSTILE]: 1 },
    health: { status: 'failed', objects: [{ object, status: 'failed', message: HOSTILE }] },
    triggers: [{ reason: 'push', at: 1, actor: HOSTILE, delivery: { provider: HOSTILE, id: HOSTILE } }],
  })
  const fields = {
    application: HOSTILE,
    cluster: HOSTILE,
    namespace: HOSTILE,
    repository: HOSTILE,
    ref: HOSTILE,
    path: HOSTILE,
    drift: [change],
    health: 'failed',
    unhealthy: lastResult.health.objects,
    pollFails: { since: 1, problem },
  } as const
  const statuses = [sampleStatus({ ...fields, lastResult }), sampleStatus({ ...fields, lastResult: { ...lastResult, outcome: 'held' } })]
  const text = htmlText(
    statusPage(
      statuses,
      [{ application: HOSTILE, cluster: HOSTILE, objects: 1, deletionPolicy: 'orphan', since: 1 }],
      { state: HOSTILE, search: '' },
      { now: Date.now() },
    ),
  )
  assert.doesNotMatch(text, /<script>|<img|onerror='/)
  assert.equal(text.match(/<script/g)?.length, 1)
})

test('a sync that the configuration asked for is not said to be found by a poll', async (t) => {
  const { url, ledger } = await startWeb(t)
  const lastResult = sampleResult({ reason: 'poll', triggers: [{ reason: 'poll', at: 1, actor: 'configuration' }] })
  ledger.setStatuses([sampleStatus({ lastResult })])
  const { text } = await request(url).get('/').set(BASIC).expect(200)
  assert.match(text, /after a change of the configuration/)
  assert.doesNotMatch(text, /by a poll|by configuration/)
})

test('a page says why an application is not well, also where the last commit did not concern it', async (t) => {
  const { url, ledger } = await startWeb(t)
  const object = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' }
  const lastResult = sampleResult({ outcome: 'not affected', changes: [], health: { status: 'failed', objects: [] } })
  for (const status of ['failed', 'in progress'] as const) {
    ledger.setStatuses([sampleStatus({ lastResult, health: status, unhealthy: [{ object, status, message: '0 of 3 are available' }] })])
    const { text } = await request(url).get('/').set(BASIC).expect(200)
    assert.match(text, /Deployment\/shop\/api<\/code> 0 of 3 are available/)
  }
})

test('a page says that polls cannot reach a repository, however well its application is', async (t) => {
  const { url, ledger } = await startWeb(t)
  const problem = { code: 'redirect', message: 'the host answers with a redirect', fix: 'Set spec.url', retryable: true }
  ledger.setStatuses([sampleStatus({ pollFails: { since: Date.now() - 125_000, problem } })])
  const { text } = await request(url).get('/').set(BASIC).expect(200)
  assert.match(text, /edge-warn/)
  assert.match(
    text,
    /Polls of shop fail for <time[^>]*>2 min<\/time>: the host answers with a redirect<\/p>\s*<p class="fix">Set spec\.url</,
  )
})

test('a page shows every state in words, never by colour alone', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.setStatuses(everyState())
  const { text } = await request(url).get('/').set(BASIC).expect(200)
  for (const word of [
    'Synced',
    'Syncing',
    'Failed',
    'Held',
    'Out of sync',
    'Drifted',
    'Unhealthy',
    'Queued',
    'In progress',
    'Needs attention',
  ]) {
    assert.ok(text.includes(word), word)
  }
  assert.match(text, /title="4f2a91c0d5e6b7a8c9d0e1f2a3b4c5d6e7f80912">4f2a91c</)
  assert.match(text, /spec\.replicas<\/code> by kubectl-edit at /)
  assert.match(text, /Did you mean spec\.replicas\?/)
  assert.match(text, /2 requests pending/)
  assert.match(text, /CrashLoopBackOff.*<pre>starting search 4\.1\nfatal: index &lt;main&gt; not found<\/pre>/s)
})

test('what the configuration has no more is shown with what can be done about it', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.setOrphans([{ application: 'old-shop', cluster: 'prod', objects: 3, deletionPolicy: 'orphan', since: Date.now() - 60_000 }])
  const { text } = await request(url).get('/').set(BASIC).expect(200)
  assert.match(text, /old-shop on prod: 3 objects without an application/)
  assert.match(text, /gitwake detach old-shop.*gitwake delete old-shop/)
  const problem = { message: 'still being deleted: ConfigMap/shop/a (it waits for <b>)', fix: 'Nothing to do.' }
  ledger.setOrphans([
    { application: 'old-shop', cluster: 'prod', objects: 1, deletionPolicy: 'orphan', since: 1, departure: 'delete', problem },
  ])
  const later = await request(url).get('/').set(BASIC).expect(200)
  assert.match(later.text, /, being deleted<.*\(it waits for &lt;b&gt;\).*Nothing to do\..*tried again until/s)
  assert.doesNotMatch(later.text, /gitwake detach old-shop/)
})

test('an address narrows the page down to a state or to what one searches for', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.setStatuses(everyState())
  const shown = async (query: string): Promise<readonly string[]> => {
    const { text } = await request(url).get(`/?${query}`).set(BASIC).expect(200)
    return [...text.matchAll(/data-name="([^"]+)"/g)].map(([, name]) => name ?? '')
  }
  assert.deepEqual(await shown('state=failed'), ['payments'])
  assert.deepEqual(await shown('state=drifted'), ['storefront'])
  assert.deepEqual(await shown('q=monitoring'), ['observability'])
  assert.deepEqual(await shown('q=no+such+thing'), [])
  assert.equal((await shown(`q=${encodeURIComponent(HOSTILE)}`)).length, 0)
  assert.equal((await shown('state=constructor&q=')).length, everyState().length)
  assert.equal((await shown('state[]=failed&q=a&q=b')).length, everyState().length)
})

test('without applications the page says how to add one', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.setStatuses([])
  assert.match((await request(url).get('/').set(BASIC)).text, /kind: Application/)
})

test('an application has a page of its own with its history', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.finish(sampleResult({ message: 'the first of all' }))
  const { text } = await request(url).get('/applications/shop-prod').set(BASIC).expect(200)
  assert.match(text, /<h1[^>]*>shop-prod<\/h1>/)
  assert.match(text, /the first of all/)
  const unknown = await request(url).get('/applications/unknown').set(BASIC).set('Accept', 'text/html')
  assert.equal(unknown.status, 404)
  assert.match(unknown.headers['content-type'] ?? '', /^text\/html/)
})

test('styles, script and icon come from here, may be kept for ever, and are whole', async (t) => {
  const { url } = await startWeb(t)
  const { text } = await request(url).get('/').set(BASIC)
  const paths = [...text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '')
  assert.equal(paths.length, 3)
  for (const path of paths) {
    const { headers } = await request(url).get(path).set(BASIC).expect(200)
    assert.match(headers['cache-control'] ?? '', /immutable/)
  }
  assert.doesNotMatch(text, / style=| on[a-z]+="/, 'the content security policy would refuse it')
  assert.ok(new Script(SCRIPT))
})

test('a span of time is told in one unit', () => {
  const table = [
    [-5, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_599_999, '59 min'],
    [3_600_000, '1 h'],
    [172_799_999, '47 h'],
    [172_800_000, '2 days'],
  ] as const
  for (const [milliseconds, text] of table) assert.equal(spanText(milliseconds), text)
})
