import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isImagePattern, matchesImage, parseImage } from '../../src/model/image.ts'

const names: readonly (readonly [string, string | undefined])[] = [
  ['nginx', 'docker.io/library/nginx'],
  ['docker.io/nginx', 'docker.io/library/nginx'],
  ['index.docker.io/acme/shop:1', 'docker.io/acme/shop'],
  ['acme/shop', 'docker.io/acme/shop'],
  ['localhost/shop', 'localhost/shop'],
  ['localhost:5000/shop:1', 'localhost:5000/shop'],
  ['GHCR.io/acme/shop@sha256:' + 'a'.repeat(64), 'ghcr.io/acme/shop'],
  ['ghcr.io/acme/*', undefined],
  ['ghcr.io//shop', undefined],
  ['', undefined],
]
test('an image has one full name, however it is written', () => {
  for (const [text, name] of names) assert.equal(parseImage(text)?.name, name, text)
})

const patterns: readonly (readonly [pattern: string, image: string, matches: boolean])[] = [
  ['nginx', 'docker.io/library/nginx:1', true],
  ['ghcr.io/acme/shop', 'ghcr.io/acme/shop', true],
  ['ghcr.io/acme/shop', 'ghcr.io/acme/shop-evil:1', false],
  ['ghcr.io/acme/*', 'ghcr.io/acme/shop:1', true],
  ['ghcr.io/acme/*', 'ghcr.io/acme/shop/api:1', false],
  ['ghcr.io/acme/shop:1.*', 'ghcr.io/acme/shop:1.4', true],
  ['ghcr.io/acme/shop:1.*', 'ghcr.io/acme/shop:11.4', false],
  ['ghcr.io/acme/shop:1.*', 'ghcr.io/acme/shop', false],
  ['acme/shop', 'ghcr.io/acme/shop:1', false],
]
test('a pattern means images of one registry, and the tags that it names', () => {
  for (const [pattern, text, matches] of patterns) {
    const image = parseImage(text)
    assert.ok(image && isImagePattern(pattern), `${pattern} ${text}`)
    assert.equal(matchesImage(pattern, image), matches, `${pattern} ${text}`)
  }
})

test('what could match no image is no pattern', () => {
  for (const text of ['', ' ', 'ghcr.io/acme/', 'ghcr.io/acme/shop@sha256:*', 'https://ghcr.io/acme/shop', 'ghcr.io/acme/shop:', '**/x y'])
    assert.equal(isImagePattern(text), false, text)
})
