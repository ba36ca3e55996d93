import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { createQueueUi } from '../../src/web/queue-ui.ts'
import { everyState, sampleStatus } from '../web/samples.ts'
import { startQueues } from '../web/queues.ts'
import { type Started, TOKEN, startWeb } from '../web/start.ts'
import { until } from '../web/until.ts'
import { SKIP_BROWSER, startBrowser } from './browser.ts'

const options = { skip: SKIP_BROWSER }

interface Opened extends Started {
  readonly page: Page
  /** Everything that the browser complained about: errors, and what the content security policy refused. */
  readonly complaints: readonly string[]
}

async function open(t: TestContext, web: Started, path: string, context: BrowserContextOptions = {}): Promise<Opened> {
  const browser = await startBrowser(t)
  const opened = await browser.newContext({
    httpCredentials: { username: 'anybody', password: TOKEN },
    viewport: { width: 1200, height: 900 },
    ...context,
  })
  const page = await opened.newPage()
  const complaints: string[] = []
  page.on('pageerror', ({ message }) => complaints.push(message))
  page.on('console', (message) => void (['error', 'warning'].includes(message.type()) && complaints.push(message.text())))
  await page.goto(web.url + path)
  return { ...web, page, complaints }
}

async function openStatus(t: TestContext, context: BrowserContextOptions = {}): Promise<Opened> {
  const web = await startWeb(t)
  web.ledger.setStatuses(everyState())
  const opened = await open(t, web, '/', context)
  await opened.page.locator('#live[data-state=live]').waitFor()
  return opened
}

test('the status page keeps itself up to date, and what a person opened or focused stays', options, async (t) => {
  const { page, ledger, complaints } = await openStatus(t)
  const card = page.locator('#application-shop-prod')
  await card.locator('summary').click()
  await card.locator('h3 a').focus()
  const same = await card.elementHandle()

  // The application moves to another section, becomes another colour and gets a notice.
  const problem = { code: 'x', message: 'It broke.', fix: 'Mend it.', retryable: false }
  const broken = sampleStatus({ sync: 'failed' })
  const failed = { ...broken, ...(broken.lastResult && { lastResult: { ...broken.lastResult, outcome: 'failed', problem } as const }) }
  ledger.setStatuses(everyState().map((status) => (status.application === 'shop-prod' ? failed : status)))
  await page.locator('#attention #application-shop-prod').getByText('Mend it.').waitFor()

  assert.equal(await card.locator('.badge', { hasText: 'Failed' }).count(), 1)
  assert.equal(await card.evaluate((now, before) => now === before, same), true, 'the element was moved, not made anew')
  assert.equal(await card.locator('details[open]').count(), 1)
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'shop-prod')
  assert.match((await page.locator('#announcements').textContent()) ?? '', /shop-prod: Failed/)
  assert.deepEqual(complaints, [])
})

test('applications come, go and change their order without a trace of the old page', options, async (t) => {
  const { page, ledger, complaints, url } = await openStatus(t)
  const names = ['beta', 'alpha', 'shop-prod', 'gamma']
  ledger.setStatuses(names.map((application) => sampleStatus({ application, sync: application === 'gamma' ? 'held' : 'synced' })))
  await page.locator('#application-gamma').waitFor()
  assert.deepEqual(
    await page.locator('article').evaluateAll((cards) => cards.map(({ id }) => id)),
    ['gamma', 'alpha', 'beta', 'shop-prod'].map((name) => `application-${name}`),
  )
  ledger.setStatuses([])
  await page.getByText('No applications yet').waitFor()
  assert.equal(await page.locator('article').count(), 0)
  ledger.setStatuses(everyState())
  await page.locator('#application-payments').waitFor()
  const patched = await page.locator('main').evaluate((main) => main.textContent?.replace(/\s+/g, ' '))
  await page.goto(url)
  const fresh = await page.locator('main').evaluate((main) => main.textContent?.replace(/\s+/g, ' '))
  assert.equal(withoutTimes(patched), withoutTimes(fresh))
  assert.deepEqual(complaints, [])
})

function withoutTimes(text: string | undefined): string {
  return (text ?? '').replace(/\d+ (s|min|h|days)\b/g, '').replace(/\d\d:\d\d:\d\d/g, '')
}

test('a person can ask for a sync and confirm a held plan from the page', options, async (t) => {
  const { page, ledger, complaints } = await openStatus(t)
  const web = page.locator('#application-observability')
  await web.getByText('Confirm this plan').click()
  // The samples' configuration holds only shop-prod: another application is refused, and the page says so.
  await web.getByRole('button', { name: 'Carry out this plan' }).click()
  await web.getByText('There is nothing at this address.').waitFor()
  await page
    .locator('#application-shop-prod')
    .getByRole('button', { name: /Sync now/ })
    .click()
  await until(() => ledger.triggers.length === 1)
  assert.equal(ledger.triggers[0]?.trigger.reason, 'manual')
  await page
    .locator('#application-shop-prod')
    .getByRole('button', { name: /Sync now/ })
    .waitFor()
  assert.deepEqual(
    complaints.filter((text) => !text.includes('404')),
    [],
  )
})

test('the page says when it is no longer live, and recovers by itself', options, async (t) => {
  const { page, ledger } = await openStatus(t)
  ledger.cutRedis(true)
  await page.locator('#live', { hasText: 'Not connected; as of' }).waitFor()
  assert.equal(await page.locator('#application-payments').count(), 1, 'the last known state stays')
  ledger.cutRedis(false)
  await page.locator('#live', { hasText: 'Live' }).waitFor()
  ledger.cutRedis(true)
  await page.reload()
  await page.getByText('Redis cannot be reached.').waitFor()
  ledger.cutRedis(false)
  await page.locator('#application-payments').waitFor()
})

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [360, 700, 1200]) {
    test(`nothing is cut off or too faint to read, ${colorScheme} at ${width} px`, options, async (t) => {
      const { page, complaints } = await openStatus(t, { colorScheme, viewport: { width, height: 800 } })
      await page.evaluate('document.querySelectorAll("details").forEach((one) => { one.open = true })')
      assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, 'it scrolls sideways')
      assert.deepEqual(await page.evaluate(FAINT_TEXTS), [])
      assert.deepEqual(complaints, [])
    })
  }
}

/** Texts whose contrast with what is behind them is below 4.5 (WCAG AA). */
const FAINT_TEXTS = String.raw`(() => {
  const numbers = (color) => color.match(/[\d.]+/g).map(Number)
  const light = (color) => {
    const [r, g, b] = numbers(color).map((value) => { const c = value / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4 })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor
      const [, , , alpha = 1] = numbers(color)
      if (alpha > 0) return color
    }
    return 'rgb(255, 255, 255)'
  }
  const faint = []
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim() !== '')
    if (!own || element.closest('.for-readers, svg, script') || element.getClientRects().length === 0) continue
    const [one, other] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a)
    const contrast = (one + 0.05) / (other + 0.05)
    if (contrast < 4.5) faint.push(element.textContent.trim().slice(0, 40) + ' ' + contrast.toFixed(2))
  }
  return faint
})()`

test('a text that is too faint would be noticed', options, async (t) => {
  const { page } = await openStatus(t)
  await page.evaluate('document.documentElement.style.setProperty("--soft", "#9a9f9c")')
  assert.notDeepEqual(await page.evaluate(FAINT_TEXTS), [])
})

test('keyboard and screen reader find their way: one heading, landmarks, named cards, a skip link', options, async (t) => {
  const { page } = await openStatus(t)
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the content')
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate('document.activeElement.id'), 'main')
  assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1)
  assert.equal(await page.getByRole('main').count(), 1)
  assert.equal(await page.getByRole('article', { name: 'payments' }).count(), 1)
  assert.equal(await page.getByRole('button', { name: 'Sync now shop-prod' }).count(), 1)
})

test('without its script the page is whole', options, async (t) => {
  const web = await startWeb(t)
  const { page } = await open(t, web, '/', { javaScriptEnabled: false })
  assert.equal(await page.getByText('overlays/prod', { exact: true }).count(), 1)
  assert.equal(await page.getByRole('button').count(), 0)
})

test('the queue UI works under its content security policy and shows the waiting job', options, async (t) => {
  const queues = await startQueues(t, ['prod', 'dev'])
  const web = await startWeb(t, { queueUi: createQueueUi({ queues: () => queues, operator: false }) })
  const { page, complaints } = await open(t, web, '/queues/')
  await page.getByText('dev', { exact: true }).first().waitFor()
  await page.goto(`${web.url}/queues/queue/prod-sync?status=prioritized`)
  await page.getByText('shop-prod').first().waitFor()
  assert.deepEqual(complaints, [])
})
