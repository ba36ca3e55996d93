import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test, type TestContext } from 'node:test'
import { watchCollection, type WatchEvent, type WatchOptions } from '../../src/cluster/watch.ts'
import { answer, connectTo, serve } from './api-server.ts'

const object = (name: string, resourceVersion: string): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'shop', resourceVersion },
})
const line = (type: string, content: object): string => `${JSON.stringify({ type, object: content })}\n`
const GONE = line('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 5 (9)' })

/** Each stream that is opened is answered by the next of `streams`; the versions they start from are noted. */
async function watchOver(
  t: TestContext,
  streams: readonly ((response: ServerResponse) => void)[],
  more: Partial<WatchOptions> = {},
): Promise<{ readonly events: AsyncGenerator<WatchEvent, void>; readonly from: (string | null)[]; readonly queries: URLSearchParams[] }> {
  const from: (string | null)[] = []
  const queries: URLSearchParams[] = []
  const url = await serve(t, (request, response) => {
    const query = new URL(String(request.url), 'http://server').searchParams
    queries.push(query)
    from.push(query.get('resourceVersion'))
    const stream = streams[from.length - 1]
    if (stream === undefined) response.writeHead(200).end(GONE)
    else stream(response)
  })
  const connection = await connectTo(t, url)
  const signal = new AbortController().signal
  return { events: watchCollection({ connection, path: '/api/v1/configmaps', resourceVersion: '5', signal, ...more }), from, queries }
}

async function collect(events: AsyncIterable<WatchEvent>): Promise<string[]> {
  const seen: string[] = []
  for await (const event of events) {
    if (event.type === 'bookmark') seen.push(`bookmark ${event.resourceVersion}`)
    else if (event.type === 'restart') seen.push(`restart: ${event.reason}`)
    else seen.push(`${event.type} ${event.object.metadata.name}`)
  }
  return seen
}

test('changes come in order, however the stream is cut into pieces', async (t) => {
  const text = line('ADDED', object('ä', '6')) + line('MODIFIED', object('b', '7')) + line('DELETED', object('c', '8'))
  const { events, queries } = await watchOver(
    t,
    [
      (response) => {
        response.writeHead(200)
        const bytes = Buffer.from(text)
        for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7))
        response.end(GONE)
      },
    ],
    { query: { labelSelector: 'a=b' } },
  )
  assert.deepEqual(await collect(events), ['added ä', 'modified b', 'deleted c', 'restart: too old resource version: 5 (9)'])
  const [query] = queries
  assert.deepEqual(
    [query?.get('labelSelector'), query?.get('watch'), query?.get('allowWatchBookmarks'), query?.get('timeoutSeconds')],
    ['a=b', 'true', 'true', '300'],
  )
})

test('a stream that ends, breaks, or is refused for a while is opened again where it stopped', async (t) => {
  const { events, from } = await watchOver(t, [
    (response) => response.writeHead(200).end(line('ADDED', object('a', '6'))),
    (response) => {
      response.writeHead(200).write(line('BOOKMARK', object('', '20')))
      setTimeout(() => response.destroy(), 20)
    },
    (response) => response.destroy(),
    (response) => answer(response, 500, 'oops'),
    (response) => response.writeHead(200).end(line('ADDED', object('b', '21')) + '{"type":"ADD'),
  ])
  assert.deepEqual(await collect(events), ['added a', 'bookmark 20', 'added b', 'restart: too old resource version: 5 (9)'])
  assert.deepEqual(from, ['5', '6', '20', '20', '20', '21'])
})

test('a history that is gone, as an answer or in mid-stream, asks for a fresh list', async (t) => {
  const status = JSON.stringify({ kind: 'Status', message: 'too old', reason: 'Expired', code: 410 })
  const { events } = await watchOver(t, [(response) => answer(response, 410, status)])
  assert.deepEqual(await collect(events), ['restart: too old'])
})

test('a kind that may not be watched asks for a fresh list, instead of asking again and again', async (t) => {
  const { events, from } = await watchOver(t, [
    (response) => answer(response, 403, JSON.stringify({ kind: 'Status', message: 'forbidden', code: 403 })),
  ])
  assert.deepEqual(await collect(events), ['restart: forbidden'])
  assert.equal(from.length, 1)
})

test('a stream that silently stalls is given up and opened again', async (t) => {
  const { events, from } = await watchOver(
    t,
    [(response) => response.writeHead(200).write(line('ADDED', object('a', '6'))), (response) => response.writeHead(200).flushHeaders()],
    { idleMs: 50 },
  )
  assert.deepEqual(await collect(events), ['added a', 'restart: too old resource version: 5 (9)'])
  assert.deepEqual(from, ['5', '6', '6'])
})

test('an event without an end does not fill the memory', async (t) => {
  const { events } = await watchOver(
    t,
    [
      (response) => {
        response.writeHead(200)
        const more = (): void => {
          while (response.writable && response.write('x'.repeat(10_000)));
          response.once('drain', more)
        }
        more()
      },
    ],
    { maxLineBytes: 100_000 },
  )
  assert.deepEqual(await collect(events), ['restart: the server sent an event of more than 100000 bytes'])
})

test('a line that is no event asks for a fresh list', async (t) => {
  const { events } = await watchOver(t, [(response) => response.writeHead(200).end('<html>\n')])
  assert.match((await collect(events)).join(), /^restart: /)
})

test('an abort ends a watch at once, with its own reason', async (t) => {
  const abort = new AbortController()
  const { events } = await watchOver(t, [(response) => response.writeHead(200).write(line('ADDED', object('a', '6')))], {
    signal: abort.signal,
  })
  await events.next()
  const reason = new Error('superseded')
  const next = events.next()
  abort.abort(reason)
  await assert.rejects(next, reason)
})

test('who stops listening closes the stream', async (t) => {
  const closed = Promise.withResolvers<void>()
  const { events } = await watchOver(t, [
    (response) => {
      response.once('close', closed.resolve)
      response.writeHead(200).write(line('ADDED', object('a', '6')))
    },
  ])
  for await (const event of events) {
    assert.equal(event.type, 'added')
    break
  }
  await closed.promise
})
