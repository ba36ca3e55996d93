import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseDuration } from '../../src/model/duration.ts'
import { nearest, suggestion } from '../../src/model/nearest.ts'

describe('a duration', () => {
  const table: readonly (readonly [string, number | undefined])[] = [
    ['0', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['1m', 60_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['', undefined],
    ['60', undefined],
    ['-1s', undefined],
    ['1.5h', undefined],
    ['1 m', undefined],
    ['1w', undefined],
    ['999999999d', undefined],
  ]
  for (const [text, milliseconds] of table)
    test(`"${text}" is ${milliseconds === undefined ? 'refused' : `${milliseconds} ms`}`, () =>
      assert.equal(parseDuration(text), milliseconds))

  test('reads back what it writes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 * 365 * 86_400_000 }),
        (milliseconds) => parseDuration(formatDuration(milliseconds)) === milliseconds,
      ),
    )
  })
})

describe('a suggestion', () => {
  const known = ['repository', 'ref', 'path', 'pollInterval']
  test('is the word with the fewest mistakes', () => {
    assert.equal(nearest('repositroy', known), 'repository')
    assert.equal(nearest('pollinterval', known), 'pollInterval')
    assert.equal(nearest('rev', known), 'ref')
  })
  test('is not made where nothing is near', () => {
    assert.equal(nearest('kubernetes', known), undefined)
    assert.equal(nearest('x', []), undefined)
  })
  test('names what there is where little is to choose from', () => {
    assert.equal(suggestion('kubernetes', known), '; known: repository, ref, path, pollInterval')
  })
})
