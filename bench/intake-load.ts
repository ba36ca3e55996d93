import { createHmac } from 'node:crypto'
import { connect } from 'node:net'

// Sends signed pushes, each connection the next one as soon as it has its answer; in a process of its own, as every sender is. Plain sockets:
// a general load generator takes two to three times as long over a request, and on two cores would be what is measured.
// Parameters: port, secret, connections, seconds. Prints what it saw as one line of JSON: `rates` are answers per second, second by second.
const [port, secret = '', connections, seconds] = process.argv.slice(2)
const body = payload()
const head = [
  'POST /hooks/github HTTP/1.1',
  `Host: 127.0.0.1:${port}`,
  'Content-Type: application/json',
  `Content-Length: ${body.length}`,
  'X-GitHub-Event: push',
  `X-Hub-Signature-256: sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  'X-GitHub-Delivery: ',
].join('\r\n')

const latencies: number[] = []
let sent = 0
let failed = 0
const rates: number[] = Array.from({ length: Number(seconds) }, () => 0)
const from = performance.now()
const until = from + Number(seconds) * 1_000
await Promise.all(Array.from({ length: Number(connections) }, sendUntilTheEnd))
const tookSeconds = (performance.now() - from) / 1_000
latencies.sort((left, right) => left - right)
const p99Ms = latencies[Math.floor(latencies.length * 0.99)]
console.log(JSON.stringify({ perSecond: latencies.length / tookSeconds, p99Ms, failed, rates }))

async function sendUntilTheEnd(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
  const id = Buffer.alloc(12, '0')
  const request = Buffer.concat([Buffer.from(head), id, Buffer.from(`\r\n\r\n${body}`)])
  let startedAt = 0
  const send = (): void => {
    sent += 1
    request.write(String(sent).padStart(id.length, '0'), head.length)
    startedAt = performance.now()
    socket.write(request)
  }
  socket.on('connect', send).on('error', reject)
  // An answer is a few hundred bytes: it comes in one piece.
  socket.on('data', (answer) => {
    const now = performance.now()
    latencies.push(now - startedAt)
    const second = Math.floor((now - from) / 1_000)
    if (second < rates.length) rates[second] = (rates[second] ?? 0) + 1
    if (!answer.toString('latin1', 0, 12).endsWith(' 202')) failed += 1
    if (now < until) return send()
    socket.destroy()
    resolve()
  })
  return promise
}

function payload(): string {
  const repository = { full_name: 'acme/shop', clone_url: 'https://github.com/acme/shop.git', html_url: 'https://github.com/acme/shop' }
  const commit = { id: 'a'.repeat(40), message: 'x'.repeat(2_600), added: [], modified: ['app/a.yaml'], removed: [] }
  const refs = { ref: 'refs/heads/main', before: 'b'.repeat(40), after: 'a'.repeat(40), created: false, deleted: false, forced: false }
  return JSON.stringify({ ...refs, repository, pusher: { name: 'bench' }, commits: [commit], head_commit: commit })
}
