import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { claimMatches, claimsMatch } from '../../src/model/claims.ts'

test('a star ends at a slash and a colon, two stars end nowhere, and everything else stands for itself', () => {
  const rows: readonly (readonly [pattern: string, matching: readonly string[], others: readonly string[]])[] = [
    [
      'refs/heads/main',
      ['refs/heads/main'],
      ['refs/heads/main-evil', 'refs/heads/mai', 'xrefs/heads/main', 'refs/heads/main/', 'refs/heads/main\n', 'REFS/heads/main', ''],
    ],
    [
      'refs/heads/release/*',
      ['refs/heads/release/1.2', 'refs/heads/release/'],
      ['refs/heads/release/1/evil', 'refs/heads/release', 'refs/heads/release-evil/1'],
    ],
    [
      'repo:acme/*:ref:refs/heads/main',
      ['repo:acme/shop:ref:refs/heads/main'],
      ['repo:acme/x:environment:y:ref:refs/heads/main', 'repo:acme/a/b:ref:refs/heads/main', 'repo:evil/acme/x:ref:refs/heads/main'],
    ],
    ['repo:acme/shop:**', ['repo:acme/shop:', 'repo:acme/shop:ref:refs/heads/a/b'], ['repo:acme/shop-evil:ref:x', 'repo:acme/shop']],
    ['system:serviceaccount:ci:*', ['system:serviceaccount:ci:deployer'], ['system:serviceaccount:ci:a:b', 'system:serviceaccount:cix:a']],
    ['a.c?[x]\\*+', ['a.c?[x]\\zz+'], ['abcdx\\+', 'a.cd[x]\\+']],
    ['*é*', ['é', 'xéy'], ['e', 'x/é']],
    ['*😀', ['a😀'], ['a\ud83d']],
  ]
  for (const [pattern, matching, others] of rows) {
    for (const value of matching) assert.equal(claimMatches(pattern, value), true, `${pattern} ~ ${value}`)
    for (const value of others) assert.equal(claimMatches(pattern, value), false, `${pattern} !~ ${JSON.stringify(value)}`)
  }
})

test('patterns mean what their regular expression means', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':', '.'), maxLength: 12 })
  const pattern = fc.array(fc.constantFrom('a', 'b', '/', ':', '.', '*', '**'), { maxLength: 8 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(pattern, text, (one, value) => {
      const source = one.replaceAll('.', '\\.').replaceAll(/\*\*|\*/g, (star) => (star === '*' ? '[^/:]*' : '.*'))
      assert.equal(claimMatches(one, value), new RegExp(`^${source}$`, 's').test(value))
    }),
    { numRuns: 5000 },
  )
})

test('all claims must match; of a list one item, of several patterns one', () => {
  const rules = { sub: ['repo:acme/shop:*', 'repo:acme/api:*'], protected: ['true'], groups: ['ops'] }
  const claims = { sub: 'repo:acme/api:pull_request', protected: true, groups: ['dev', 'ops'] }
  assert.equal(claimsMatch(rules, claims), true)
  for (const other of [
    { sub: 'repo:acme/web:x' },
    { protected: false },
    { protected: undefined },
    { groups: [] },
    { groups: [['ops']] },
    { groups: { ops: 'ops' } },
    { sub: null },
  ])
    assert.equal(claimsMatch(rules, { ...claims, ...other }), false, JSON.stringify(other))
  assert.equal(claimsMatch({ toString: ['**'] }, {}), false)
  assert.equal(claimsMatch({ id: ['42'] }, { id: 42 }), true)
})
