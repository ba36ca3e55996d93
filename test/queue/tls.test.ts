import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectRedis } from '../../src/queue/connection.ts'
import { silent } from '../support/connect.ts'
import { startRedisServer } from '../support/redis-server.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { randomFreePort } from '../support/free-port.ts'
import { until } from './until.ts'

test('a Redis with TLS is spoken to only where one of the named authorities vouches for it', async (t) => {
  const folder = await createTempFolder('gitwake-tls-')
  const file = (name: string): string => join(folder.path, name)
  for (const name of ['server', 'other']) {
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1']
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    const out = ['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)]
    execFileSync('openssl', ['req', '-x509', ...key, ...subject, ...out], { stdio: 'pipe' })
  }
  const port = await randomFreePort()
  const tls = [
    '--tls-port',
    String(port),
    '--tls-auth-clients',
    'no',
    '--tls-cert-file',
    file('server.crt'),
    '--tls-key-file',
    file('server.key'),
  ]
  const server = await startRedisServer({ args: tls })
  const connect = async (authority: string | undefined) => {
    const ca = authority === undefined ? undefined : await readFile(file(authority))
    const connections = connectRedis({ url: `rediss://127.0.0.1:${port}`, ca, log: silent })
    t.after(() => connections.close())
    return connections
  }
  t.after(async () => {
    await server.stop()
    await folder.remove()
  })

  const known = await connect('server.crt')
  await until(() =>
    known.ping().then(
      () => true,
      () => false,
    ),
  )
  for (const authority of ['other.crt', undefined]) {
    const { producer } = await connect(authority)
    const [error] = await new Promise<readonly [Error]>((resolve) => producer.once('error', (...told: readonly [Error]) => resolve(told)))
    assert.match(error.message, /self-signed certificate/)
    assert.notEqual(producer.status, 'ready')
  }
})
