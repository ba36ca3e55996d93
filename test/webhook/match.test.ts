import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Push } from '../../src/model/push.ts'
import { intentOf } from '../../src/webhook/intent.ts'
import { createMatch, matchPush } from '../../src/webhook/match.ts'
import { application, commit, configuration, configurationOf, earlier } from './support.ts'

const pushOf = (repositoryUrls: readonly string[], ref = 'refs/heads/main'): Push => ({
  kind: 'push',
  repositoryUrls,
  ref,
  before: earlier,
  after: commit,
  created: false,
  deleted: false,
  forced: false,
  changedPaths: undefined,
  actor: undefined,
})
const names = (push: Push, repository?: string) => matchPush(push, configuration, repository).map((target) => target.application)

describe('matching a push', () => {
  const spellings = [
    'https://github.com/acme/shop',
    'https://github.com/acme/shop.git',
    'https://github.com/acme/shop/',
    'HTTPS://GitHub.com/Acme/Shop.git',
    'https://user:token@github.com/acme/shop.git',
    'https://github.com:443/acme/shop',
    'git@github.com:acme/shop.git',
    'ssh://git@github.com/acme/shop.git',
    'ssh://git@github.com:22/acme/shop',
    'git://github.com/acme/shop.git',
  ]
  for (const url of spellings) {
    it(`finds the repository spelt ${url}`, () => assert.deepEqual(names(pushOf([url])), ['shop-prod', 'shop-dev']))
  }

  it('a tag wakes the applications whose range of versions it is in, besides those that name it', () => {
    const versions = configurationOf({ shop: 'https://github.com/acme/shop' }, [
      application('stable', 'shop', 'semver:>=1.0.0 <2.0.0-0'),
      application('named', 'shop', 'refs/tags/v1.4.0'),
      application('next', 'shop', 'semver:>=2.0.0'),
    ])
    const woken = (ref: string) => matchPush(pushOf(['https://github.com/acme/shop'], ref), versions).map((target) => target.application)
    assert.deepEqual(woken('refs/tags/v1.4.0').sort(), ['named', 'stable'])
    assert.deepEqual(woken('refs/tags/v2.0.0'), ['next'])
    assert.deepEqual(woken('refs/tags/latest'), [])
    assert.deepEqual(woken('refs/heads/v1.4.0'), [])
  })

  it('any of the URLs may be the known one, and each application is woken once', () => {
    assert.deepEqual(names(pushOf(['https://mirror.example.com/x/y', ...spellings])), ['shop-prod', 'shop-dev'])
  })

  it('another host, owner, repository or what is no URL wakes nobody', () => {
    for (const url of [
      'https://github.com/acme/shop2',
      'https://github.com/evil/shop',
      'https://example.com/acme/shop',
      'shop',
      '',
      '__proto__',
    ]) {
      assert.deepEqual(names(pushOf([url])), [], url)
    }
  })

  it('refs are compared in full and exactly', () => {
    for (const ref of ['refs/tags/main', 'refs/heads/Main', 'refs/heads/main2', 'refs/heads/feature/main', 'main', 'refs/heads/main ']) {
      assert.deepEqual(names(pushOf(['https://github.com/acme/shop'], ref)), [], ref)
    }
  })

  it("a repository's own webhook reaches that repository alone, by whatever URL the payload calls it", () => {
    assert.deepEqual(names(pushOf(['https://github.com/acme/boutique']), 'shop'), ['shop-prod', 'shop-dev'])
    assert.deepEqual(names(pushOf(['https://github.com/acme/shop']), 'store'), ['store-prod'])
    assert.deepEqual(names(pushOf(['https://github.com/acme/shop']), 'nobody'), [])
  })

  it('two repositories of one URL both wake their applications', () => {
    const url = 'https://github.com/acme/shop'
    const twice = configurationOf({ one: url, two: `${url}.git` }, [
      application('a', 'one', 'refs/heads/main'),
      application('b', 'two', 'refs/heads/main'),
    ])
    assert.deepEqual(
      matchPush(pushOf([url]), twice).map((target) => target.application),
      ['a', 'b'],
    )
  })

  it('a reload takes effect with the next push', () => {
    let current = configurationOf({}, [])
    const match = createMatch(() => current)
    assert.deepEqual(match.targets(pushOf(['https://github.com/acme/shop'])), [])
    current = configuration
    assert.equal(match.targets(pushOf(['https://github.com/acme/shop'])).length, 2)
  })

  it('that wakes nobody tells a branch that nobody follows from a repository that the configuration does not have', () => {
    const match = createMatch(() => configuration)
    const why = (push: Push, repository?: string) => intentOf([push], match, repository).ignored
    assert.equal(
      why(pushOf(['git@github.com:acme/shop.git'], 'refs/heads/dev')),
      'no application follows refs/heads/dev of Repository shop',
    )
    assert.equal(
      why(pushOf(['https://u:pw@github.com/Acme/other.git?x=1%0a'])),
      'the configuration has no Repository at github.com/acme/other',
    )
    assert.equal(
      why(pushOf(['https://github.com/acme/other'], 'refs/heads/dev'), 'shop'),
      'no application follows refs/heads/dev of Repository shop',
    )
    assert.equal(why(pushOf(['shop'])), 'it names no repository by a URL')
  })
})
