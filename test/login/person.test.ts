import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeAttempt, derive, encodeAttempt, newAttempt } from '../../src/login/attempt.ts'
import { documentsFor, mergedClaims, nameOf, personOf } from '../../src/login/person.ts'
import { newSessionId, seal, unseal } from '../../src/login/seal.ts'
import { safeReturnPath } from '../../src/model/return-path.ts'
import { loginAt, peopleOf } from './house.ts'

const login = loginAt('https://id.example', 'https://gitwake.example', {
  people: [
    peopleOf('by-group', { groups: ['shop', '*'] }),
    peopleOf('by-host', { emails: ['*@example.org'] }),
    peopleOf('by-address', { emails: ['Ops-?@Example.net'] }),
    peopleOf('by-letter', { emails: ['Kate@example.com'] }),
    peopleOf('by-subject', { subjects: ['4711'] }),
  ],
})
const openedBy = (claims: object): readonly string[] => {
  const person = personOf({ sub: 'x', ...claims }, 'groups')
  return person === undefined ? [] : documentsFor(login, person).map(({ name }) => name)
}
const verified = (email: string): object => ({ email, email_verified: true })

test('a document is about whom one of its lists names, and nobody else', () => {
  for (const [claims, expected] of [
    [{}, []],
    [{ groups: ['shop'] }, ['by-group']],
    [{ groups: 'shop' }, ['by-group']],
    [{ groups: ['*'] }, ['by-group']],
    [{ groups: ['Shop', 'shop-admins', ' shop', 'sho'] }, []],
    [{ groups: 'shop,everyone' }, []],
    [{ groups: { 0: 'shop' } }, []],
    [verified('ada@example.org'), ['by-host']],
    [verified('ADA@EXAMPLE.ORG'), ['by-host']],
    [verified('kATE@example.com'), ['by-letter']],
    [verified('\u212Aate@example.com'), []],
    [{ email: 'ada@example.org' }, []],
    [{ ...verified('ada@example.org'), email_verified: 'true' }, []],
    [{ ...verified('ada@example.org'), email_verified: 1 }, []],
    [verified('ada@example.org.evil.example'), []],
    [verified('ada@sub.example.org'), []],
    [verified('evil.example/@example.org\n'), []],
    [verified('"a@b"@example.org'), []],
    [verified('ops-1@example.net'), ['by-address']],
    [verified('ops-12@example.net'), []],
    [{ sub: '4711' }, ['by-subject']],
    [{ sub: 4711 }, []],
    [{ sub: '4711', groups: ['shop'], ...verified('a@example.org') }, ['by-group', 'by-host', 'by-subject']],
  ] as const)
    assert.deepEqual(openedBy(claims), expected, JSON.stringify(claims))
})

test('a name says who the provider vouches for, and cannot be that of a token or hold what steers a terminal', () => {
  const named = (claims: object) => {
    const person = personOf({ sub: '4711', ...claims }, 'groups')
    return person && nameOf(login, person)
  }
  assert.equal(named(verified('ada@example.org')), 'ada@example.org (acme)')
  assert.equal(named({ email: 'ada@example.org', preferred_username: 'shop-ci' }), 'shop-ci, 4711 (acme)')
  assert.equal(named({ name: 'Ada\u202eL' }), '4711 (acme)')
  assert.equal(named({ sub: 'a\u001b[2J' }), undefined)
})

test('an address is verified only where whoever names it says so', () => {
  const email = 'ada@example.org'
  const verified = (token: object, info: object): unknown =>
    personOf(mergedClaims({ sub: 'x', ...token }, { sub: 'x', ...info }), 'groups')?.emailVerified
  for (const [token, info] of [
    [{ email, email_verified: true }, {}],
    [
      { email, email_verified: true },
      { email: 'other@example.org', email_verified: false },
    ],
    [{ email }, { email, email_verified: true }],
    [{}, { email, email_verified: true }],
    [{ email_verified: false }, { email, email_verified: true }],
  ] as const)
    assert.equal(verified(token, info), true, JSON.stringify([token, info]))
  for (const [token, info] of [
    [{ email }, {}],
    [{ email }, { email: 'other@example.org', email_verified: true }],
    [
      { email, email_verified: false },
      { email, email_verified: true },
    ],
    [{ email_verified: true }, { email, email_verified: false }],
    [{ email_verified: true }, { email }],
  ] as const)
    assert.equal(verified(token, info), false, JSON.stringify([token, info]))
})

test('a path to return to is one of this server, however it is spelled', () => {
  for (const path of ['/', '/applications/shop?x=%2F%2F', '/queues/', '/a//b', '/?return=//evil.example', '/loginx'])
    assert.equal(safeReturnPath(path), path)
  for (const path of [
    '',
    'x',
    '//evil',
    '/\\evil',
    '/.//evil',
    '/..//evil',
    '\t//evil',
    '/\n/evil',
    '/login',
    '/logout',
    '/token',
    '/login/acme/start',
    7,
    undefined,
    ['/'],
  ])
    assert.equal(safeReturnPath(path), '/', JSON.stringify(path))
  const parts = fc.constantFrom('/', '\\', '.', '..', ':', '@', '?', '#', '\t', '\n', '%2f', '%5c', 'evil.example', 'https:', ' ', 'a')
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 8 }), (pieces) => {
      const led = new URL(safeReturnPath(pieces.join('')), 'https://gitwake.example')
      assert.equal(led.origin, 'https://gitwake.example')
    }),
    { numRuns: 5_000 },
  )
})

test('what an attempt says is bound to the state, the nonce and the verifier that the provider gets', () => {
  const attempt = newAttempt('acme', '/x', 1_000)
  const read = decodeAttempt(encodeAttempt(attempt), 'acme', 2_000)
  assert.deepEqual(read, attempt)
  const all = new Set<string>()
  for (const one of [
    attempt,
    { ...attempt, returnTo: '/y' },
    { ...attempt, begunAt: 1_001 },
    { ...attempt, login: 'b' },
    newAttempt('acme', '/x', 1_000),
  ]) {
    const { state, nonce, verifier } = derive(one)
    for (const part of [state, nonce, verifier]) {
      assert.match(part, /^[\w-]{43}$/, 'as PKCE has it')
      assert.ok(!all.has(part))
      all.add(part)
    }
  }
  for (const [text, name, at] of [
    [encodeAttempt(attempt), 'other', 2_000],
    [encodeAttempt(attempt), 'acme', 601_000],
    [encodeAttempt(attempt), 'acme', -100_000],
    [undefined, 'acme', 2_000],
    ['', 'acme', 2_000],
    ['bm90IGpzb24', 'acme', 2_000],
    ['W10', 'acme', 2_000],
    ['x'.repeat(5_000), 'acme', 2_000],
  ] as const)
    assert.equal(decodeAttempt(text, name, at), undefined)
})

test('a sealed session opens with its own id and secret alone', () => {
  const [id, other] = [newSessionId(), newSessionId()]
  const sealed = seal('who it is', id, 'secret')
  assert.equal(unseal(sealed, id, 'secret'), 'who it is')
  assert.equal(unseal(sealed, other, 'secret'), undefined)
  assert.equal(unseal(sealed, id, 'another'), undefined)
  assert.notEqual(seal('who it is', id, 'secret'), sealed)
  const bytes = Buffer.from(sealed, 'base64')
  for (let at = 0; at < bytes.length; at += 1) {
    const altered = Buffer.from(bytes)
    altered.writeUInt8((altered.at(at) ?? 0) ^ 1, at)
    assert.equal(unseal(altered.toString('base64'), id, 'secret'), undefined)
  }
  for (const text of ['', 'x', 'AAAA', sealed.slice(0, 30)]) assert.equal(unseal(text, id, 'secret'), undefined)
})
