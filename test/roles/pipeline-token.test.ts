import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import request from 'supertest'
import { startRedisServer } from '../support/redis-server.ts'
import { startProgram } from '../support/program.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { AUDIENCE, MAIN, startIssuer } from '../web/issuer.ts'

const OPERATOR = 'the-token-of-an-operator'
const configurationOf = (issuer: string): string => `apiVersion: gitwake.dev/v1
kind: Repository
metadata: {name: shop}
spec: {url: https://git.example.org/acme/shop.git}
---
apiVersion: gitwake.dev/v1
kind: Cluster
metadata: {name: prod}
spec: {inCluster: true}
---
apiVersion: gitwake.dev/v1
kind: Application
metadata: {name: shop-prod}
spec:
  source: {repository: shop, ref: main}
  destination: {cluster: prod, namespace: shop}
---
apiVersion: gitwake.dev/v1
kind: Token
metadata: {name: shop-ci}
spec:
  oidc: {issuer: "${issuer}", audience: "${AUDIENCE}", claims: {repository: acme/shop, ref: refs/heads/main}, allowInsecure: true}
  allow: sync
`

test('a pipeline without a secret asks a running server for a sync, and the audit log says which one it was', async (t) => {
  const [issuer, redis, folder] = await Promise.all([startIssuer(t), startRedisServer(), createTempFolder('gitwake-pipeline-')])
  t.after(async () => Promise.all([redis.stop(), folder.remove()]))
  const file = join(folder.path, 'gitwake.yaml')
  await writeFile(file, configurationOf(issuer.url))
  const serve = await startProgram(['serve'], {
    GITWAKE_CONFIG: file,
    REDIS_URL: redis.url,
    GITWAKE_API_TOKEN: OPERATOR,
    LOG_LEVEL: 'debug',
  })
  t.after(() => serve.kill())
  const sync = (token: string) => request(serve.url).post('/api/applications/shop-prod/sync').set('Authorization', `Bearer ${token}`)

  const good = await issuer.token()
  const evil = await issuer.token({ ref: 'refs/heads/main-evil' })
  const { body } = await sync(good).expect(202)
  assert.equal(body.ticket.application, 'shop-prod')
  await sync(evil).expect(401)

  const { text } = await request(serve.url).get('/api/audit').set('Authorization', `Bearer ${OPERATOR}`).buffer().expect(200)
  const asked = text
    .split('\n')
    .filter((line) => line.includes('"sync asked"'))
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    asked.map(({ actor, application }) => [actor, application]),
    [[`oidc:${issuer.url} sub=${MAIN}`, 'shop-prod']],
  )
  assert.match(serve.output(), /no Token document has its audience, its age and all of its claims/)
  for (const part of [...good.split('.'), ...evil.split('.')].filter((one) => one.length > 100))
    assert.ok(!serve.output().includes(part) && !text.includes(part), 'no token leaves')
})
