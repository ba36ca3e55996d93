import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { normaliseRepositoryUrl } from '../../src/model/repository-url.ts'

test('every spelling of one repository compares equal', () => {
  const spellings = [
    'https://github.com/acme/shop.git',
    'https://github.com/acme/shop',
    'https://github.com/acme/shop/',
    'https://GitHub.com/Acme/Shop.git/',
    'https://github.com:443/acme/shop',
    'https://token:x@github.com/acme/shop',
    'http://github.com/acme/shop',
    'http://github.com:80/acme/shop.git',
    'git://github.com/acme/shop.git',
    'git://github.com:9418/acme/shop.git',
    'git@github.com:acme/shop.git',
    'git@github.com:/acme/shop',
    'github.com:acme/shop',
    'ssh://git@github.com/acme/shop.git',
    'ssh://git@github.com:22/acme/shop.git',
    'git+ssh://git@github.com/acme/shop',
    'https://github.com./acme//shop',
    ' https://github.com/acme/shop?x=1#y ',
    'https://github.com/acme/%73hop',
  ]
  for (const spelling of spellings) assert.equal(normaliseRepositoryUrl(spelling), 'github.com/acme/shop', spelling)
})

test('hosts that have several names for one repository are known by one', () => {
  const same: Readonly<Record<string, readonly string[]>> = {
    'github.com/acme/shop': ['ssh://git@ssh.github.com:443/acme/shop.git'],
    'gitlab.com/acme/apps/shop': ['ssh://git@altssh.gitlab.com:443/acme/apps/shop.git'],
    'bitbucket.org/acme/shop': ['ssh://git@altssh.bitbucket.org:443/acme/shop.git'],
    'dev.azure.com/acme/web apps/_git/shop': [
      'https://acme@dev.azure.com/acme/Web%20Apps/_git/shop',
      'git@ssh.dev.azure.com:v3/acme/Web%20Apps/shop',
      'ssh://git@ssh.dev.azure.com/v3/acme/Web%20Apps/shop',
      'acme@vs-ssh.visualstudio.com:v3/acme/Web%20Apps/shop',
      'https://acme.visualstudio.com/Web%20Apps/_git/shop',
      'https://acme.visualstudio.com/DefaultCollection/Web%20Apps/_git/shop',
    ],
    'dev.azure.com/acme/shop/_git/shop': ['https://dev.azure.com/acme/_git/shop', 'https://acme.visualstudio.com/_git/shop'],
  }
  for (const [name, spellings] of Object.entries(same))
    for (const spelling of spellings) assert.equal(normaliseRepositoryUrl(spelling), name, spelling)
  assert.equal(normaliseRepositoryUrl('https://ssh.github.com/acme/shop'), 'ssh.github.com/acme/shop')
  assert.equal(normaliseRepositoryUrl('https://tfs.example.com/v3/acme/apps/shop'), 'tfs.example.com/v3/acme/apps/shop')
})

test('ports, groups and local repositories stay distinct', () => {
  assert.equal(normaliseRepositoryUrl('http://127.0.0.1:3000/a/b.git'), '127.0.0.1:3000/a/b')
  assert.equal(normaliseRepositoryUrl('ssh://git@[::1]:2222/a/b.git'), '[::1]:2222/a/b')
  assert.equal(normaliseRepositoryUrl('https://gitlab.com/group/sub/shop.git'), 'gitlab.com/group/sub/shop')
  assert.equal(normaliseRepositoryUrl('file:///srv/Git/shop.git'), 'file:/srv/Git/shop')
})

test('what names no repository has no normal form', () => {
  for (const text of [
    '',
    'shop',
    '/srv/git',
    'https://',
    'https://github.com',
    'https://github.com/',
    'ext::sh -c x',
    'https://github.com/%zz',
    'ftp://h/x',
    'a:',
  ]) {
    assert.equal(normaliseRepositoryUrl(text), undefined, text)
  }
})

test('any text is answered without an exception, and never with a scheme or an empty path', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl()), (text) => {
      const normal = normaliseRepositoryUrl(text)
      return normal === undefined || /^[^/]+\/[^/]/u.test(normal)
    }),
    { numRuns: 1000 },
  )
})
