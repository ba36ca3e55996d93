import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { load } from 'js-yaml'
import { VARIABLES } from '../../src/config/variables.ts'
import { checkoutRoot } from '../support/checkout.ts'

const read = (file: string): Promise<string> => readFile(join(checkoutRoot, file), 'utf8')

describe('docker-compose.yml', () => {
  test('sets only variables that the program knows, and a Redis that keeps what it was given', async () => {
    const compose = JSON.parse(JSON.stringify(load(await read('docker-compose.yml'))))
    const known = new Set<string>(Object.values(VARIABLES).map(({ name }) => name))
    for (const name of Object.keys(compose.services.gitwake.environment)) assert.ok(known.has(name), name)
    const redis = compose.services.redis.command.join(' ')
    for (const option of ['--appendonly yes', '--maxmemory-policy noeviction', 'requirepass']) assert.ok(redis.includes(option), option)
    assert.equal(compose.networks.queue.internal, true)
    assert.deepEqual(compose.services.gitwake.ports, ['127.0.0.1:8080:8080'])
  })

  test('builds an image whose base is the Node that a checkout fetches', async () => {
    const [, fetched = ''] = /NODE_VERSION = '([\d.]+)'/.exec(await read('scripts/bootstrap.mjs')) ?? []
    const images = [...(await read('infra/Dockerfile')).matchAll(/^FROM node:([\d.]+)-/gm)].map(([, version]) => version)
    assert.deepEqual(images, [fetched, fetched])
  })

  test('sets only variables that the program knows in the image, too', async () => {
    const known = new Set<string>(Object.values(VARIABLES).map(({ name }) => name))
    const [, block = ''] = /^ENV NODE_ENV=production \\\n((?:.*\\\n)*.*)$/m.exec(await read('infra/Dockerfile')) ?? []
    const names = [...block.matchAll(/([A-Z_]+)=/g)].map(([, name = '']) => name)
    assert.ok(names.length >= 3)
    for (const name of names) assert.ok(known.has(name), name)
  })

  test('reads the same kustomize version as the tests build', async () => {
    const [, built] = /KUSTOMIZE_VERSION = '([\d.]+)'/.exec(await read('test/support/build.ts')) ?? []
    const [, shipped] = /ARG KUSTOMIZE_VERSION=([\d.]+)/.exec(await read('infra/Dockerfile')) ?? []
    assert.equal(shipped, built)
  })
})
