import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { BrowserContextOptions } from 'playwright-core'
import { createQueueUi } from '../../src/web/queue-ui.ts'
import { loginAt, peopleOf, startHouse } from '../login/house.ts'
import { startIdentityProvider } from '../login/identity-provider.ts'
import { sessionDigest } from '../../src/login/seal.ts'
import { receiverKeys } from '../../src/model/keys.ts'
import { startQueues } from '../web/queues.ts'
import { everyState } from '../web/samples.ts'
import { TOKEN } from '../web/start.ts'
import { until } from '../web/until.ts'
import { SKIP_BROWSER, startBrowser } from './browser.ts'

const options = { skip: SKIP_BROWSER }

async function open(t: TestContext, context: BrowserContextOptions = {}) {
  const queues = await startQueues(t, ['prod'])
  const people = [peopleOf('shop', { groups: ['shop'], grant: { allow: 'operate' } })]
  const house = await startHouse(t, async (origin) => loginAt((await startIdentityProvider(t, { origin })).issuer, origin, { people }), {
    queueUi: createQueueUi({ queues: () => queues, operator: true }),
  })
  house.ledger.setStatuses(everyState())
  const browser = await startBrowser(t)
  const opened = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...context })
  const page = await opened.newPage()
  const complaints: string[] = []
  page.on('pageerror', ({ message }) => complaints.push(message))
  page.on('console', (message) => void (['error', 'warning'].includes(message.type()) && complaints.push(message.text())))
  return { ...house, page, context: opened, complaints, queues }
}

test('a person logs in, works, and logs out of gitwake and of the provider', options, async (t) => {
  const { page, url, complaints, context, ledger, queues, audited } = await open(t)
  await page.goto(`${url}/?q=shop`)
  await page.getByRole('link', { name: 'Log in with Acme SSO' }).click()
  await page.getByRole('link', { name: 'I am ada' }).click()
  await page.waitForURL(`${url}/?q=shop`)
  await page.locator('#live[data-state=live]').waitFor()
  await page.getByText('ada@example.org (acme)').waitFor()
  const cookies = await context.cookies(url)
  assert.deepEqual(
    cookies.filter(({ name }) => name.startsWith('gitwake')).map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]),
    [['gitwake', true, 'Lax']],
  )

  await page
    .locator('#application-shop-prod')
    .getByRole('button', { name: /Sync now/ })
    .click()
  await until(() => ledger.triggers.length === 1)
  assert.equal(ledger.triggers[0]?.trigger.actor, 'ada@example.org (acme)')
  await page.goto(`${url}/queues/`)
  const paused = await page.evaluate(`fetch('/queues/api/queues/prod-sync/pause', { method: 'PUT' }).then(({ status }) => status)`)
  assert.deepEqual([paused, await queues[0]?.queue.isPaused()], [200, true])

  await page.goto(url)
  await page.locator('#live[data-state=live]').waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  // The provider asks once more; that is its own page.
  await page.getByRole('button', { name: /yes/i }).click()
  await page.waitForURL(`${url}/login`)
  await page.goto(url)
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
  assert.deepEqual(
    audited.map(({ action }) => action),
    ['logged in', 'logged out'],
  )
  assert.deepEqual(
    complaints.filter((text) => text.includes('Content Security Policy') && text.includes(new URL(url).host)),
    [],
  )
})

test('a page whose session ends leads to the login by itself, without a dialogue of the browser', options, async (t) => {
  const { page, url, context, redis, ledger } = await open(t)
  await page.goto(`${url}/login/acme/start`)
  await page.getByRole('link', { name: 'I am ada' }).click()
  await page.locator('#live[data-state=live]').waitFor()
  const [, id = ''] = ((await context.cookies(url)).find(({ name }) => name === 'gitwake')?.value ?? '').split('.')
  await redis.client.del(receiverKeys.session(sessionDigest(id)))
  ledger.setStatuses([])
  await page.getByRole('link', { name: 'Log in with Acme SSO' }).waitFor()
  assert.equal(new URL(page.url()).pathname, '/login')
})

test('another site cannot log a person out, or make them do anything', options, async (t) => {
  const { page, url, ledger, audited } = await open(t)
  await page.goto(`${url}/login/acme/start`)
  await page.getByRole('link', { name: 'I am ada' }).click()
  await page.locator('#live[data-state=live]').waitFor()
  const evil = createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' })
    response.end(
      `<!doctype html><link rel="icon" href="data:,"><form method="post" action="${url}${request.url}"><button>Win</button></form>`,
    )
  })
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve))
  t.after(() => evil.close())
  const { port } = evil.address() as AddressInfo
  for (const path of ['/logout', '/api/applications/shop-prod/sync']) {
    // The same machine under another name is another site.
    await page.goto(`http://localhost:${port}${path}`)
    await page.getByRole('button', { name: 'Win' }).click()
    await page.waitForURL(url + path)
    // Without the cookie, which is not sent along, the door knows nobody; with it, it would refuse.
    assert.match((await page.textContent('body')) ?? '', /made by another site|A valid API token is needed/)
  }
  await page.goto(url)
  await page.getByText('ada@example.org (acme)').waitFor()
  assert.deepEqual([ledger.triggers, audited.map(({ action }) => action)], [[], ['logged in']])
})

test('a token can be used in the browser where people log in', options, async (t) => {
  const { page, url } = await open(t, { httpCredentials: { username: 'x', password: TOKEN } })
  await page.goto(`${url}/applications/shop-prod`)
  await page.getByRole('link', { name: 'Use an API token instead' }).click()
  await page.waitForURL(`${url}/applications/shop-prod`)
  await page.locator('#live[data-state=live]').waitFor()
  assert.equal(await page.locator('.who').textContent(), 'API token')
})

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [360, 1200]) {
    test(`login pages fit, ${colorScheme} at ${width} px`, options, async (t) => {
      const { page, url, complaints } = await open(t, { colorScheme, viewport: { width, height: 800 } })
      const look = async (name: string): Promise<void> => {
        assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, `${name} scrolls sideways`)
        const folder = process.env['GITWAKE_TEST_SCREENSHOTS']
        if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}-${colorScheme}-${width}.png` })
      }
      await page.goto(url)
      await look('login')
      await page.goto(`${url}/login/acme/start`)
      await page.getByRole('link', { name: 'I am grace' }).click()
      await page.getByText('may do nothing here').waitFor()
      await look('refused')
      await page.context().clearCookies()
      await page.goto(`${url}/login/acme/start`)
      await page.getByRole('link', { name: 'I am ada' }).click()
      await page.locator('#live[data-state=live]').waitFor()
      await look('status')
      assert.deepEqual(
        // The refusal, and an icon that the provider does not have.
        complaints.filter((text) => !/\b(403|404)\b/.test(text)),
        [],
      )
    })
  }
}
