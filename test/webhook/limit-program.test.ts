import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { request, type IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { startProgram } from '../support/program.ts'
import { startRedisServer } from '../support/redis-server.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { githubHeaders, githubPush } from './support.ts'

const SECRET = 'a-secret-of-the-forge'
const TOKEN = 'a-token-of-the-api'
const PROXY = '127.0.0.3'
const LIMIT = 10

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
}

/** Asks as somebody with this address of the loopback network. */
async function ask(url: string, from: string, options: { body?: string; headers?: Record<string, string> } = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const method = options.body === undefined ? 'GET' : 'POST'
  const asked = request(url, { method, localAddress: from, headers: options.headers ?? {}, agent: false }, (response) => {
    response.resume()
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }))
  })
  asked.on('error', reject)
  asked.end(options.body)
  return promise
}

describe('limits of a running receiver', { skip: process.platform !== 'linux' && 'only Linux has all of 127.0.0.0/8' }, () => {
  test('a flood from one address is answered 429, also after a restart; others are not; X-Forwarded-For counts only from a trusted proxy', async () => {
    await using stack = new AsyncDisposableStack()
    const redis = await startRedisServer()
    stack.defer(() => redis.stop())
    const folder = await createTempFolder('gitwake-limits-')
    stack.defer(() => folder.remove())
    const configuration = join(folder.path, 'gitwake.yaml')
    await writeFile(
      configuration,
      JSON.stringify({ apiVersion: 'gitwake.dev/v1', kind: 'Cluster', metadata: { name: 'prod' }, spec: { inCluster: true } }),
    )
    const environment = {
      GITWAKE_CONFIG: configuration,
      REDIS_URL: redis.url,
      GITHUB_WEBHOOK_SECRET: SECRET,
      GITWAKE_API_TOKEN: TOKEN,
      GITWAKE_RATE_LIMIT: `${LIMIT}/h`,
      GITWAKE_TRUSTED_PROXIES: PROXY,
    }
    let serve = await startProgram(['serve'], environment)
    stack.defer(() => serve.kill())
    const deliver = async (from: string, secret: string, forwarded?: string): Promise<Answer> => {
      const body = JSON.stringify(githubPush({}))
      const headers = { ...githubHeaders(body, secret, randomUUID()), ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }) }
      return ask(`${serve.url}/hooks/github`, from, { body, headers })
    }
    const flood = async (from: string, forwarded?: (index: number) => string): Promise<Answer> => {
      for (let index = 0; index < LIMIT; index += 1) assert.equal((await deliver(from, 'forged', forwarded?.(index))).status, 401)
      return deliver(from, 'forged', forwarded?.(LIMIT))
    }
    const isRefused = ({ status, headers }: Answer): void => {
      assert.equal(status, 429)
      assert.ok(Number(headers['retry-after']) > 0)
    }

    isRefused(await flood('127.0.0.2'))
    assert.equal((await deliver('127.0.0.1', SECRET)).status, 200)
    // Whom nobody trusts may write there what he wants.
    isRefused(await flood('127.0.0.4', (index) => `203.0.113.${index}`))
    // What stands in front of the address that the proxy saw was written by its client.
    isRefused(await flood(PROXY, (index) => `198.51.100.${index}, 203.0.113.66`))
    assert.equal((await deliver(PROXY, 'forged', '203.0.113.67')).status, 401)
    assert.equal((await deliver(PROXY, SECRET, '203.0.113.68')).status, 200)

    const look = (from: string, token: string) =>
      ask(`${serve.url}/api/applications`, from, { headers: { authorization: `Bearer ${token}` } })
    for (let guess = 0; guess < 30; guess += 1) assert.equal((await look('127.0.0.5', `guess-${guess}`)).status, 401)
    isRefused(await look('127.0.0.5', TOKEN))

    await serve.kill()
    serve = await startProgram(['serve'], environment)
    isRefused(await deliver('127.0.0.2', 'forged'))
    isRefused(await deliver('127.0.0.4', 'forged', '192.0.2.1'))
    isRefused(await deliver(PROXY, 'forged', '192.0.2.1, 203.0.113.66'))
    isRefused(await look('127.0.0.5', TOKEN))
    assert.equal((await deliver('127.0.0.1', SECRET)).status, 200)
    assert.equal((await look('127.0.0.1', TOKEN)).status, 200)
  })
})
