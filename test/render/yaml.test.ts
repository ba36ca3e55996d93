import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Json } from '../../src/model/json.ts'
import { ReadError } from '../../src/render/read-error.ts'
import { readYaml } from '../../src/render/yaml.ts'

const limits = { aliasBytes: 64 * 1024, depth: 100 }
const read = (text: string): Json | undefined => readYaml(text, limits)[0]
const value = (text: string): unknown => Reflect.get(Object(read(`a: ${text}\n`)), 'a')

describe('values read as kubectl reads them', () => {
  const table: readonly (readonly [text: string, value: unknown])[] = [
    ['yes', true],
    ['On', true],
    ['y', true],
    ['n', false],
    ['NO', false],
    ['off', false],
    ['True', true],
    ['tRUE', 'tRUE'],
    ['"yes"', 'yes'],
    ["'n'", 'n'],
    ['0644', 420],
    ['0o644', 420],
    ['-0644', -420],
    ['0x1F', 31],
    ['0b101', 5],
    ['1_000', 1000],
    ['08', 8],
    ['00', 0],
    ['"0644"', '0644'],
    ['12:30:45', '12:30:45'],
    ['2001-01-01', '2001-01-01'],
    ['2001-12-14T21:59:43Z', '2001-12-14T21:59:43Z'],
    ['1.2.3', '1.2.3'],
    ['1e3', 1000],
    ['.5', 0.5],
    ['5.', 5],
    ['1e999', '1e999'],
    ['-0', 0],
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', 9007199254740993n],
    ['18446744073709551615', 18446744073709551615n],
    ['-9223372036854775808', -9223372036854775808n],
    ['18446744073709551616', 18446744073709551616],
    ['~', null],
    ['', null],
    ['Null', null],
    ['"null"', 'null'],
    ['!!str 5', '5'],
    ['!!int "5"', 5],
    ['!!float 5', 5],
    ['! 5', '5'],
    ['!!binary aGk=', 'hi'],
    ['|\n  x\n  y', 'x\ny\n'],
    ['>-\n  x\n  y', 'x y'],
    ['{<<: [{b: 1}, {b: 2, c: 3}]}', { b: 1, c: 3 }],
    ['{<<: {b: 1}, b: 2}', { b: 2 }],
    ['{"<<": 1}', { '<<': 1 }],
  ]
  for (const [text, expected] of table) it(`${JSON.stringify(text)}`, () => assert.deepEqual(value(text), expected))
})

describe('keys', () => {
  it('stay the text that they are', () => {
    const text = 'n: 1\nyes: 2\n1: 3\n0644: 4\n1.0: 5\ntrue: 6\n~: 7\nnull: 8\n2001-01-01: 9\n'
    assert.deepEqual(read(text), { n: 1, yes: 2, '1': 3, '0644': 4, '1.0': 5, true: 6, '~': 7, null: 8, '2001-01-01': 9 })
  })
  for (const text of [
    '? [a]\n: 1',
    '? {a: b}\n: 1',
    ': 1',
    'a: 1\na: 2',
    '{a: 1, "a": 2}',
    '__proto__: {polluted: 1}',
    'x: &a [1]\n*a : 2',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => read(text), ReadError))
  }
  it('may come from an alias', () => assert.deepEqual(read('a: &x b\n*x : 1\n'), { a: 'b', b: 1 }))
  it('reach no prototype', () => {
    assert.throws(() => read('x: {__proto__: {polluted: 1}}'), ReadError)
    assert.equal(Reflect.get({}, 'polluted'), undefined)
    assert.deepEqual(Object.keys(Object(read('constructor: 1\nprototype: 2\n'))), ['constructor', 'prototype'])
  })
})

describe('refused with the place', () => {
  const table: readonly (readonly [text: string, message: RegExp])[] = [
    ['a: .inf', /infinity/],
    ['a: !!js/function "x"', /tag !!js\/function/],
    ['a: !foo bar', /tag !foo/],
    ['a: !!set {b}', /tag !!set/],
    ['a: !!omap []', /tag !!omap/],
    ['a: !!int 5.5', /no !!int/],
    ['a: !!binary "!"', /no !!binary/],
    ['a: !!binary /w==', /no text/],
    ['a:\n\t- b', /tabs/],
    ['a: b\0', /NUL/],
    ['a: "x', /not valid YAML/],
    ['a: b: c', /not valid YAML/],
    ['a: *x', /not defined/],
    ['a: &x [*x]', /inside the value/],
    ['a: &x {b: *x}', /inside the value/],
    ['<<: 1', /merges only maps/],
    ['%TAG ! tag:x,2000:\n---\na: !b c', /%TAG/],
  ]
  for (const [text, message] of table) {
    it(JSON.stringify(text), () =>
      assert.throws(
        () => read(text),
        (error) => error instanceof ReadError && message.test(error.message),
      ),
    )
  }
})

describe('text around the documents', () => {
  it('byte order mark, CRLF, comments and end markers', () => {
    assert.deepEqual(read('\uFEFF# c\r\na: 1\r\nb: |\r\n  x\r\n  y\r\n...\r\n'), { a: 1, b: 'x\ny\n' })
  })
  it('empty documents are undefined', () => {
    assert.deepEqual(readYaml('---\n---\n# c\n---\nnull\n---\na: 1\n', limits), [undefined, undefined, undefined, { a: 1 }])
  })
})

describe('hostile texts end soon', () => {
  it('an alias bomb', () => {
    const levels = Array.from(
      { length: 30 },
      (_, at) =>
        `l${at}: &l${at} [${Array(9)
          .fill(at === 0 ? 'x' : `*l${at - 1}`)
          .join(', ')}]`,
    )
    assert.throws(() => read(levels.join('\n')), /aliases of this document stand for more/)
  })
  it('one long text aliased often', () => {
    assert.throws(() => read(`a: &a ${'x'.repeat(10_000)}\nb: [${Array(1000).fill('*a').join(', ')}]`), /aliases of this document/)
  })
  it('a chain of aliases that nests ever deeper', () => {
    const chain = Array.from({ length: 5000 }, (_, at) => `l${at}: &l${at} ${at === 0 ? 'x' : `{a: *l${at - 1}}`}`)
    assert.throws(() => read(chain.join('\n')), ReadError)
  })
  it('a merge bomb', () => {
    const levels = Array.from(
      { length: 40 },
      (_, at) =>
        `l${at}: &l${at} {k${at}: 1${
          at === 0
            ? ''
            : `, <<: [${Array(9)
                .fill(`*l${at - 1}`)
                .join(', ')}]`
        }}`,
    )
    assert.throws(() => read(levels.join('\n')), ReadError)
  })
  for (const [name, text] of [
    ['lists', '['.repeat(200_000)],
    ['maps', '{a: '.repeat(200_000)],
    ['block lists', '- '.repeat(200_000)],
    ['keys', '? '.repeat(200_000)],
  ] as const) {
    it(`${name} nested without end`, () => assert.throws(() => read(text), ReadError))
  }
})
