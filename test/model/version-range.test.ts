import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { newestTag, selectsTag, versionSelector } from '../../src/model/version-range.ts'

describe('a range of versions in the place of a ref', () => {
  const written: readonly (readonly [string, string | undefined])[] = [
    ['semver:^1.2', 'semver:>=1.2.0 <2.0.0-0'],
    ['semver:>=1.2 <2', 'semver:>=1.2.0 <2.0.0-0'],
    ['semver: 1.x ', 'semver:>=1.0.0 <2.0.0-0'],
    ['semver:*', 'semver:*'],
    ['semver:', undefined],
    ['semver:main', undefined],
    ['semver:>=1.2 <', undefined],
    ['main', undefined],
  ]
  for (const [text, selector] of written) {
    it(`${JSON.stringify(text)} is ${selector ?? 'none'}`, () => assert.equal(versionSelector(text), selector))
  }

  const selector = 'semver:>=1.0.0 <2.0.0-0'
  const tags: readonly (readonly [string, boolean])[] = [
    ['refs/tags/v1.4.2', true],
    ['refs/tags/1.4.2', true],
    ['refs/tags/v1.4.2+build.7', true],
    ['refs/tags/v2.0.0', false],
    ['refs/tags/v1.5.0-rc.1', false],
    ['refs/tags/v1.4', false],
    ['refs/tags/release-1.4.2', false],
    ['refs/heads/v1.4.2', false],
    ['refs/tags/v1.4.2/x', false],
  ]
  for (const [ref, selected] of tags) {
    it(`${selected ? 'takes' : 'leaves'} ${ref}`, () => assert.equal(selectsTag(selector, ref), selected))
  }

  it('stands for the highest version, not for the newest name', () => {
    assert.equal(
      newestTag(selector, ['refs/tags/v1.9.0', 'refs/tags/v1.10.0', 'refs/tags/v1.2.0', 'refs/tags/v2.1.0']),
      'refs/tags/v1.10.0',
    )
    assert.equal(newestTag(selector, ['refs/tags/v2.1.0', 'refs/heads/main']), undefined)
    assert.equal(newestTag('semver:>=1.5.0-rc.1', ['refs/tags/v1.5.0-rc.1', 'refs/tags/v1.4.0']), 'refs/tags/v1.5.0-rc.1')
  })

  it('is the same for everybody where two tags name one version', () => {
    const both = ['refs/tags/v1.0.0', 'refs/tags/1.0.0']
    assert.equal(newestTag(selector, both), newestTag(selector, both.toReversed()))
  })
})
