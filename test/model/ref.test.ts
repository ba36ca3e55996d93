import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { qualifyRef } from '../../src/model/ref.ts'

test('a short name is a branch, a full name stays', () => {
  const accepted: Readonly<Record<string, string>> = {
    main: 'refs/heads/main',
    'feature/one': 'refs/heads/feature/one',
    'v1.2': 'refs/heads/v1.2',
    größe: 'refs/heads/größe',
    'refs/heads/main': 'refs/heads/main',
    'refs/tags/v1': 'refs/tags/v1',
    'heads/main': 'refs/heads/heads/main',
    'a-b@c': 'refs/heads/a-b@c',
  }
  for (const [text, full] of Object.entries(accepted)) assert.equal(qualifyRef(text), full, text)
})

test('what git refuses, what reads as an option and what names no branch is refused', () => {
  const refused = [
    '',
    ' ',
    '--upload-pack=x',
    'refs/heads/--upload-pack=x',
    'refs/-x/y',
    '-',
    'a..b',
    'a\0b',
    'a b',
    'a\nb',
    'a~1',
    'a^',
    'a:b',
    'a?',
    'a*',
    'a[b',
    'a\\b',
    '@{u}',
    'a@{1}',
    '@',
    'HEAD',
    'refs/heads/HEAD',
    'main.lock',
    'a.lock/b',
    '.hidden',
    'a/.b',
    'a/',
    '/a',
    'a//b',
    'a.',
    'refs/heads/',
    'refs/heads',
    'refs/',
    'refs/stash',
    '\u007f',
    '\ud800',
    'x'.repeat(300),
    'a'.repeat(40),
    '0123456789abcdef'.repeat(4),
  ]
  for (const text of refused) assert.equal(qualifyRef(text), undefined, JSON.stringify(text))
})

test('whatever is accepted, git check-ref-format accepts too', () => {
  const characters = fc.constantFrom(...'ab/.-@{~^:?*[\\ \n.lock', 'ä', '.lock', '..', '@{')
  fc.assert(
    fc.property(fc.array(characters, { maxLength: 8 }), (parts) => {
      const full = qualifyRef(parts.join(''))
      if (full !== undefined) execFileSync('git', ['check-ref-format', full])
    }),
    { numRuns: 300 },
  )
})
