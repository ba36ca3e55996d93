import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import { dump } from 'js-yaml'
import { canonicalJson, parseJson, stringifyJson, type Json } from '../../src/model/json.ts'
import { ReadError } from '../../src/render/read-error.ts'
import { readYaml } from '../../src/render/yaml.ts'
import { ensureControlPlaneProgram } from '../support/build.ts'

const limits = { aliasBytes: 64 * 1024, depth: 100 }

/** Some texts that look like values of every kind, and almost. */
const piece = fc.constantFrom(
  ...'0 1 7 8 9 _ - + . e E x o b f n y : T t 0x 0b 0o .inf nan ~ rue no on off yes null true 2001-01-01 18446744073709551615 9007199254740993'.split(
    ' ',
  ),
)
const plainScalar = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''))

describe("kubectl's own decoder", () => {
  let program = ''
  before(async () => {
    program = await ensureControlPlaneProgram(() => undefined)
  })
  const kubectl = (text: string): string => {
    const { status, stdout, stderr } = spawnSync(program, ['yaml2json'], { input: text, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return stdout
  }

  it('reads thousands of plain scalars as we do', () => {
    const texts = fc.sample(plainScalar, { numRuns: 5000, seed: 1 })
    const ours = texts.filter((text) => {
      try {
        readYaml(`a: ${text}`, limits)
        return true
      } catch (error) {
        assert.ok(error instanceof ReadError)
        return false
      }
    })
    assert.ok(ours.length > 4000)
    const theirs = kubectl(ours.map((text) => `- ${text}\n`).join(''))
    // Minus zero is the one value that JSON.stringify cannot write.
    const expected = parseJson(theirs.replaceAll(/(?<=[[,])-0(?=[,\]])/g, '0'))
    assert.ok(Array.isArray(expected))
    for (const [index, text] of ours.entries()) {
      const value = Reflect.get(Object(readYaml(`a: ${text}`, limits)[0]), 'a')
      assert.equal(stringifyJson(value), stringifyJson(expected[index] ?? null), text)
    }
  })

  it('reads whole manifests as we do', () => {
    const text = [
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: &labels {app: "on"}}\ndata:\n  block: |\n    x: y\n\n     z\n  folded: >-\n    a\n    b\n\n    c\n',
      '# comment\nspec:\n  mode: 0644\n  big: 9223372036854775807\n  flag: yes\n  base: &base {a: 1, b: [x, y]}\n  merged:\n    <<: *base\n    a: 2\n  later:\n    a: 2\n    <<: *base\n',
      "a: \"quoted \\u263a \\x41 \\n end\"\nb: 'it''s'\nc: multi\n  line plain\nd:\n- - 1\n  - 2\n- k: v\n  l: w\ne: {f: [g, {h: i}]}\n",
    ]
    const theirs = kubectl(text.join('---\n')).trim().split('\n')
    const ours = readYaml(text.join('---\n'), limits).map((value) => canonicalJson(value ?? null))
    assert.deepEqual(
      ours,
      theirs.map((line) => canonicalJson(parseJson(line))),
    )
  })

  it('refuses what we refuse in syntax', () => {
    for (const text of ['a:\n\t- b', 'a: *x', 'a: &x [*x]', 'a: .inf', 'a: "x', 'a: !!int x']) {
      assert.throws(() => readYaml(text, limits), ReadError)
      assert.notEqual(spawnSync(program, ['yaml2json'], { input: text }).status, 0, text)
    }
  })
})

describe('any text', () => {
  const json = fc.jsonValue({ maxDepth: 5 }).filter((value) => !JSON.stringify(value).includes('__proto__'))

  it('that a YAML library wrote comes back as the value it was', () => {
    fc.assert(
      fc.property(json, (value) => {
        const expected: unknown = JSON.parse(JSON.stringify(value))
        assert.deepEqual(JSON.parse(stringifyJson(readYaml(dump({ value: expected }), limits)[0] ?? null)), { value: expected })
      }),
      { numRuns: 300 },
    )
  })

  it('that is JSON reads the same as YAML', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify({ value })
        assert.equal(stringifyJson(readYaml(text, limits)[0] ?? null), stringifyJson(parseJson(text)))
      }),
      { numRuns: 300 },
    )
  })

  it('is read or refused, and nothing else', () => {
    const fragment = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      '  ',
      '? ',
      '{',
      '}',
      '[',
      ']',
      ', ',
      '&x ',
      '*x',
      '<<: ',
      '!!',
      '!',
      '|',
      '>',
      '"',
      "'",
      '#',
      '---\n',
      '...\n',
      '%',
      '\t',
      '\r\n',
      '0',
      '~',
      '\u0000',
      '\uFEFF',
      '\uD800',
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, (hostile) => {
        try {
          const values: readonly (Json | undefined)[] = readYaml(hostile, limits)
          for (const value of values) if (value !== undefined) canonicalJson(value)
        } catch (error) {
          assert.ok(error instanceof ReadError, String(error))
        }
      }),
      { numRuns: 3000 },
    )
  })
})
