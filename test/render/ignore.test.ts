import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { matchSegment } from '../../src/model/glob.ts'
import { createIgnore } from '../../src/render/ignore.ts'

const ignored = (rules: string, path: string): boolean => createIgnore(new Map([['', rules]])).isIgnored(path)

describe('.gitwakeignore', () => {
  const table: readonly (readonly [rules: string, ignored: readonly string[], kept: readonly string[]])[] = [
    ['*.tmp.yaml', ['a.tmp.yaml', 'x/y/a.tmp.yaml'], ['a.yaml']],
    ['/a.yaml', ['a.yaml'], ['x/a.yaml']],
    ['ci/', ['ci/a.yaml', 'x/ci/b/c.yaml'], ['ci', 'x/ci']],
    ['x/a.yaml', ['x/a.yaml'], ['y/x/a.yaml']],
    ['**/t/*.yaml', ['t/a.yaml', 'x/y/t/a.yaml'], ['t/x/a.yaml']],
    ['x/**', ['x/a', 'x/y/z'], ['x', 'a/x/b']],
    ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a', 'b']],
    ['*.yaml\n!keep.yaml', ['a.yaml'], ['keep.yaml', 'x/keep.yaml']],
    ['ci/\n!ci/keep.yaml', ['ci/keep.yaml'], []],
    ['ci/*\n!ci/keep.yaml', ['ci/a.yaml'], ['ci/keep.yaml']],
    ['# a comment\n\n\\#a\n\\!b', ['#a', '!b'], ['a', 'b']],
    ['a.yaml   \nb\\ ', ['a.yaml', 'b '], ['b']],
    ['[ab]?.yaml\n[!c]x\n[[:digit:]]', ['a1.yaml', 'bx', '7'], ['c1.yaml', 'cx', 'q']],
    ['', ['.github/workflows/ci.yml', '.gitlab-ci.yml', 'x/.hidden/a.yaml'], ['a.yaml']],
    ['!.keep/', [], ['.keep/a.yaml']],
    ['a.yaml\r\nb.yaml\r\n', ['a.yaml', 'b.yaml'], ['c.yaml']],
  ]
  for (const [rules, yes, no] of table) {
    it(JSON.stringify(rules), () => {
      assert.deepEqual(
        yes.filter((path) => !ignored(rules, path)),
        [],
      )
      assert.deepEqual(
        no.filter((path) => ignored(rules, path)),
        [],
      )
    })
  }
  it('a deeper file wins, and counts from its own directory', () => {
    const ignore = createIgnore(
      new Map([
        ['', '*.yaml'],
        ['x', '!a.yaml\n/b.json'],
      ]),
    )
    assert.deepEqual(['a.yaml', 'x/a.yaml', 'x/y/a.yaml', 'x/b.json', 'x/y/b.json'].map(ignore.isIgnored), [
      true,
      false,
      false,
      true,
      false,
    ])
  })
  it('a pattern that keeps a regular expression busy is no trouble', () => {
    assert.equal(matchSegment('*a'.repeat(200) + 'b', 'a'.repeat(5000)), false)
    assert.equal(ignored(`${'**/'.repeat(200)}b`, 'a/'.repeat(500) + 'c'), false)
  })
})

describe('.gitwakeignore means what git means by .gitignore', () => {
  const root = mkdtempSync(join(tmpdir(), 'gitwake-test-'))
  after(() => rmSync(root, { recursive: true, force: true }))
  const environment = {
    PATH: process.env['PATH'],
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_DIR: join(root, '.git'),
    GIT_WORK_TREE: root,
  }
  const git = (args: readonly string[], input = ''): string => {
    try {
      return execFileSync('git', args, { cwd: root, env: environment, input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] })
    } catch (error) {
      const output: unknown = Reflect.get(Object(error), 'stdout')
      return Reflect.get(Object(error), 'status') === 1 ? String(output) : assert.fail(String(error))
    }
  }
  git(['init', '-q', root])

  const names = ['a', 'b', 'ab', 'a.yaml', 'c d', 'x-1']
  const paths = names.flatMap((one) => [one, ...names.flatMap((two) => [`d-${one}/${two}`, `d-${one}/e/${two}`])])
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), '')
  }
  const piece = fc.constantFrom(
    'a',
    'b',
    'd-a',
    'e',
    '*',
    '**',
    '?',
    'a*',
    '*.yaml',
    '[ab]',
    '[!a]',
    '[a-c]*',
    'd-*',
    '\\a',
    'c d',
    'a**b',
    '[]a]',
    'x[-]1',
  )
  const rule = fc
    .tuple(
      fc.constantFrom('', '', '', '!'),
      fc.constantFrom('', '', '/'),
      fc.array(piece, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('', '', '/', ' '),
    )
    .map(([negation, anchor, pieces, end]) => `${negation}${anchor}${pieces.join('/')}${end}`)

  it('for random rules', () => {
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 5 }), (rules) => {
        writeFileSync(join(root, '.gitignore'), rules.join('\n'))
        const expected = git(['check-ignore', '--no-index', '-z', '--stdin'], paths.join('\0')).split('\0').filter(Boolean)
        const ignore = createIgnore(new Map([['', rules.join('\n')]]))
        assert.deepEqual(
          paths.filter((path) => ignore.isIgnored(path)),
          expected,
        )
      }),
      { numRuns: 100 },
    )
  })
})
