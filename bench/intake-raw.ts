import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import { loadConfiguration } from '../src/config/load.ts'
import { connectRedis } from '../src/queue/connection.ts'
import { createIntake } from '../src/queue/accept.ts'

// The raw limit of intake, as a process: reads the body, checks one HMAC, asks and writes down as much in the same Redis through the same
// client, answers 202. It understands nothing and refuses nothing but a wrong signature. Parameters: port, secret, URL of Redis, configuration.
const [port, secret = '', url = '', path = ''] = process.argv.slice(2)
const quiet = (): void => undefined
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => log }
const { producer, queues } = connectRedis({ url, log })
const configuration = await loadConfiguration(path)
const intake = createIntake({ redis: producer, queues, configuration: () => configuration, log })
const targets = [{ application: 'shop-prod', cluster: 'prod', repository: 'shop' }]
const event = {
  kind: 'push',
  repositoryUrls: ['https://github.com/acme/shop.git'],
  ref: 'refs/heads/main',
  before: 'b'.repeat(40),
  after: 'a'.repeat(40),
  created: false,
  deleted: false,
  forced: false,
  changedPaths: ['app/a.yaml'],
  actor: 'bench',
} as const

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request
    .on('data', (chunk: Buffer) => chunks.push(chunk))
    .on('end', () => {
      const expected = createHmac('sha256', secret).update(Buffer.concat(chunks)).digest()
      const given = Buffer.from(String(request.headers['x-hub-signature-256']).slice('sha256='.length), 'hex')
      if (given.length !== expected.length || !timingSafeEqual(given, expected))
        return void response.writeHead(401, { 'content-length': 0 }).end()
      const id = String(request.headers['x-github-delivery'])
      const at = Date.now()
      const delivery = { provider: 'github', id, bodyDigest: '', receivedAt: at, repository: undefined, event } as const
      intake.acceptDelivery(delivery, targets, { reason: 'push', at, delivery: { provider: 'github', id }, revision: event.after }).then(
        () => response.writeHead(202, { 'content-length': 0 }).end(),
        () => response.writeHead(503, { 'content-length': 0 }).end(),
      )
    })
})
producer.once('ready', () => server.listen(Number(port), '127.0.0.1'))
