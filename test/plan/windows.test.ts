import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cluster, SyncWindow } from '../../src/model/configuration.ts'
import { scheduleProblem, windowsFor, windowVerdict } from '../../src/plan/windows.ts'
import { applicationNamed } from '../queue/setup.ts'

const HOUR = 3_600_000
const night: SyncWindow = { kind: 'allow', schedule: '0 22 * * 1-5', timeZone: 'Europe/Berlin', durationMs: 8 * HOUR, manual: false }
const freeze: SyncWindow = { kind: 'deny', schedule: '0 0 24 12 *', timeZone: 'UTC', durationMs: 72 * HOUR, manual: false }

function told(windows: readonly SyncWindow[], now: string, byHand = false): string {
  const verdict = windowVerdict(windows, Date.parse(now), byHand)
  if (verdict.open) return 'open'
  return `closed until ${verdict.until === undefined ? 'nobody knows' : new Date(verdict.until).toISOString().slice(0, 16)}`
}

// 2026-03-04 is a Wednesday; Berlin is at UTC+1 then.
const cases: readonly { what: string; windows: readonly SyncWindow[]; now: string; byHand?: boolean; is: string }[] = [
  { what: 'no windows', windows: [], now: '2026-03-04T12:00', is: 'open' },
  { what: 'outside of the only allow', windows: [night], now: '2026-03-04T12:00', is: 'closed until 2026-03-04T21:00' },
  { what: 'the moment an allow begins', windows: [night], now: '2026-03-04T21:00', is: 'open' },
  { what: 'the last moment of an allow', windows: [night], now: '2026-03-05T04:59:59.999', is: 'open' },
  { what: 'the moment an allow ends', windows: [night], now: '2026-03-05T05:00', is: 'closed until 2026-03-05T21:00' },
  { what: 'the weekend between allows', windows: [night], now: '2026-03-07T12:00', is: 'closed until 2026-03-09T21:00' },
  { what: 'inside of one of two allows', windows: [night, { ...night, schedule: '0 12 * * *' }], now: '2026-03-04T11:30', is: 'open' },
  { what: 'outside of a deny', windows: [freeze], now: '2026-12-23T23:59', is: 'open' },
  { what: 'inside of a deny', windows: [freeze], now: '2026-12-24T00:00', is: 'closed until 2026-12-27T00:00' },
  { what: 'a deny against an active allow', windows: [night, freeze], now: '2026-12-24T23:00', is: 'closed until 2026-12-28T21:00' },
  {
    what: 'denies that follow one another',
    windows: [freeze, { ...freeze, schedule: '0 0 27 12 *' }],
    now: '2026-12-25T00:00',
    is: 'closed until 2026-12-30T00:00',
  },
  {
    what: 'a deny that never ends',
    windows: [{ ...freeze, schedule: '0 0 * * *', durationMs: 24 * HOUR }],
    now: '2026-03-04T12:00',
    is: 'closed until nobody knows',
  },
  { what: 'by hand, not allowed', windows: [freeze], now: '2026-12-24T12:00', byHand: true, is: 'closed until 2026-12-27T00:00' },
  { what: 'by hand, allowed', windows: [{ ...freeze, manual: true }], now: '2026-12-24T12:00', byHand: true, is: 'open' },
  {
    what: 'by hand, allowed by one of two that close',
    windows: [
      { ...freeze, manual: true },
      { ...freeze, durationMs: 48 * HOUR },
    ],
    now: '2026-12-24T12:00',
    byHand: true,
    is: 'closed until 2026-12-27T00:00',
  },
  { what: 'by hand outside of an allow', windows: [{ ...night, manual: true }], now: '2026-03-04T12:00', byHand: true, is: 'open' },
]

for (const { what, windows, now, byHand, is } of cases)
  test(`windows: ${what} is ${is}`, () => assert.equal(told(windows, `${now}${now.length === 16 ? ':00' : ''}Z`, byHand), is))

test('a window follows the clocks of its time zone through a change, and lasts as long as it says', () => {
  const early: SyncWindow = { ...night, schedule: '30 2 * * *', durationMs: HOUR }
  // The night in which 02:30 does not exist: it begins when the clocks have gone to 03:00.
  assert.equal(told([early], '2026-03-28T12:00:00Z'), 'closed until 2026-03-29T01:00')
  assert.equal(told([early], '2026-03-29T01:59:00Z'), 'open')
  assert.equal(told([early], '2026-03-29T02:00:00Z'), 'closed until 2026-03-30T00:30')
  // The night in which 02:30 comes twice: the first one counts.
  assert.equal(told([early], '2026-10-24T12:00:00Z'), 'closed until 2026-10-25T00:30')
  assert.equal(told([early], '2026-10-25T01:45:00Z'), 'closed until 2026-10-26T01:30')
  // 22:00 in Berlin is 21:00 UTC in winter and 20:00 in summer; eight hours are eight hours.
  assert.equal(told([night], '2026-03-27T12:00:00Z'), 'closed until 2026-03-27T21:00')
  assert.equal(told([night], '2026-03-30T12:00:00Z'), 'closed until 2026-03-30T20:00')
  const through: SyncWindow = { ...night, schedule: '0 22 * * 6' }
  assert.equal(told([through], '2026-03-29T04:59:00Z'), 'open')
  assert.equal(told([through], '2026-03-29T05:00:00Z'), 'closed until 2026-04-04T20:00')
})

test('windows of a cluster concern the applications that they name, beside their own', () => {
  const cluster: Cluster = {
    name: 'prod',
    connection: { kind: 'in-cluster' },
    sweepIntervalMs: 1,
    auditIntervalMs: 0,
    watch: false,
    windows: [night, { ...freeze, applications: ['shop-*', 'api'] }],
  }
  const names = (name: string): readonly string[] => windowsFor(applicationNamed(name, 'prod'), cluster).map(({ kind }) => kind)
  assert.deepEqual(names('shop-prod'), ['allow', 'deny'])
  assert.deepEqual(names('api'), ['allow', 'deny'])
  assert.deepEqual(names('apis'), ['allow'])
  const own = applicationNamed('apis', 'prod')
  assert.equal(windowsFor({ ...own, sync: { ...own.sync, windows: [freeze] } }, cluster).length, 2)
})

test('what is no schedule or no time zone is refused', () => {
  const now = Date.parse('2026-03-04T12:00:00Z')
  for (const schedule of ['0 22 * * 1-5', '*/15 8-18 * * MON-FRI', '0 0 1 1 *', '@daily', '0 0 L * *'])
    assert.equal(scheduleProblem(schedule, 'Europe/Berlin', now), undefined, schedule)
  const wrong = [
    ['60 0 * * *', 'UTC', 'schedule', /Invalid value for minute: 60/],
    ['* * * * * *', 'UTC', 'schedule', /five fields/],
    ['0 22 * *', 'UTC', 'schedule', /five fields/],
    ['every day', 'UTC', 'schedule', /five fields/],
    ['@never', 'UTC', 'schedule', /no cron expression/],
    ['0 0 30 2 *', 'UTC', 'schedule', /never comes/],
    ['0 22 * * *', 'Mars/Olympus', 'timeZone', /not a time zone/],
  ] as const
  for (const [schedule, timeZone, field, message] of wrong) {
    const problem = scheduleProblem(schedule, timeZone, now)
    assert.equal(problem?.field, field, schedule)
    assert.match(problem.message, message)
  }
})
