import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createBudget } from '../../src/webhook/budget.ts'
import { sourceOfAddress } from '../../src/model/ip-address.ts'
import { createRateLimiter } from '../../src/webhook/rate-limit.ts'

describe('the memory budget', () => {
  it('gives large bodies three quarters and keeps the rest for small ones', () => {
    const budget = createBudget({ budgetBytes: 100, largeBytes: 10 })
    assert.equal(budget.reserve(75, 75), true)
    assert.equal(budget.reserve(11, 11), false)
    assert.equal(budget.reserve(10, 10), true)
    assert.equal(budget.reserve(10, 10), true)
    assert.equal(budget.reserve(6, 6), false)
    budget.release(75, 75)
    assert.equal(budget.reserve(6, 6), true)
  })

  it('a body that grows large counts as large as a whole', () => {
    const budget = createBudget({ budgetBytes: 100, largeBytes: 10 })
    assert.equal(budget.reserve(70, 70), true)
    assert.equal(budget.reserve(6, 6), true)
    assert.equal(budget.reserve(5, 11), false)
    budget.release(70, 70)
    assert.equal(budget.reserve(5, 11), true)
    budget.release(11, 11)
    assert.equal(budget.reserve(75, 75), true)
  })

  it('gives back all that it gave, in whatever order bodies grow and end', () => {
    const step = fc.record({ body: fc.nat(5), bytes: fc.integer({ min: 1, max: 30 }), end: fc.boolean() })
    const run = (steps: readonly { body: number; bytes: number; end: boolean }[]) => {
      const budget = createBudget({ budgetBytes: 100, largeBytes: 10 })
      const held = new Map<number, number>()
      for (const { body, bytes, end } of steps) {
        const has = held.get(body) ?? 0
        if (end) {
          budget.release(has, has)
          held.delete(body)
        } else if (budget.reserve(bytes, has + bytes)) held.set(body, has + bytes)
        const sizes = [...held.values()]
        const sum = (numbers: readonly number[]) => numbers.reduce((left, right) => left + right, 0)
        assert.ok(sum(sizes) <= 100 && sum(sizes.filter((size) => size > 10)) <= 75)
      }
      for (const size of held.values()) budget.release(size, size)
      assert.ok(budget.reserve(75, 75) && budget.reserve(10, 10) && budget.reserve(10, 10) && budget.reserve(5, 5))
    }
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), run), { numRuns: 500 })
  })
})

describe('the rate limiter', () => {
  it('refills steadily and never beyond its capacity', () => {
    const limiter = createRateLimiter({ requests: 60, perMs: 60_000 })
    for (let count = 0; count < 60; count++) assert.equal(limiter.failed('a', 0), 0)
    assert.equal(limiter.failed('a', 0), 1000)
    assert.equal(limiter.admit('a', 400), 600)
    assert.equal(limiter.failed('a', 1000), 0)
    assert.ok(limiter.failed('a', 1000) > 0)
    for (let count = 0; count < 60; count++) assert.equal(limiter.failed('a', 10_000_000), 0)
    assert.ok(limiter.failed('a', 10_000_000) > 0)
  })

  it('keeps sources apart, and all together in bounds', async () => {
    const limiter = createRateLimiter({ requests: 10, perMs: 60_000 })
    for (let count = 0; count < 10; count++) limiter.failed('a', 0)
    assert.ok((await limiter.admit('a', 0)) > 0)
    assert.equal(limiter.admit('b', 0), 0)
    for (let count = 0; count < 200; count++) limiter.failed(`stranger-${count}`, 0)
    assert.ok((await limiter.admit('c', 0)) > 0)
  })

  it('a flood of strangers does not keep out a source that has proven itself', () => {
    const limiter = createRateLimiter({ requests: 10, perMs: 60_000 })
    assert.equal(limiter.authentic('forge', 0), 0)
    for (let count = 0; count < 30_000; count++) limiter.failed(`stranger-${count}`, 0)
    assert.equal(limiter.admit('forge', 0), 0)
    assert.equal(limiter.authentic('forge', 0), 0)
  })

  it('a clock that goes back gives and takes nothing', () => {
    const limiter = createRateLimiter({ requests: 1, perMs: 1000 })
    assert.equal(limiter.failed('a', 5000), 0)
    assert.ok(limiter.failed('a', 0) > 0)
    assert.ok(limiter.failed('a', 5500) > 0)
    assert.equal(limiter.failed('a', 6000), 0)
  })

  it('takes an IPv6 /64 for one source, and an IPv4 address in either spelling for the same', () => {
    assert.equal(sourceOfAddress('2001:db8:1:2:3:4:5:6'), sourceOfAddress('2001:db8:1:2:ffff::1'))
    assert.equal(sourceOfAddress('2001:db8::1'), sourceOfAddress('2001:db8::2'))
    assert.notEqual(sourceOfAddress('2001:db8:1:2::1'), sourceOfAddress('2001:db8:1:3::1'))
    for (const one of [
      '2001:db8:0:0:1::',
      '2001:db8::1:0:0:1',
      '2001:DB8:0::7',
      '2001:0db8:0000:0000:0000:0000:0000:0001',
      '2001:db8::1%eth0',
    ])
      assert.equal(sourceOfAddress(one), '2001:db8:0:0', one)
    assert.notEqual(sourceOfAddress('2a0f::5:1:2:3:4'), sourceOfAddress('2a0f::6:1:2:3:4'))
    assert.equal(sourceOfAddress('::ffff:192.0.2.1'), sourceOfAddress('192.0.2.1'))
    assert.equal(sourceOfAddress(undefined), 'unknown')
  })
})
