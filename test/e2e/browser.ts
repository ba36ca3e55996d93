import { accessSync, constants } from 'node:fs'
import type { TestContext } from 'node:test'
import { type Browser, chromium } from 'playwright-core'

const CANDIDATES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Set to run the tests on a machine that has no browser. */
export const SKIP_BROWSER = process.env['GITWAKE_SKIP_BROWSER'] === '1' && 'GITWAKE_SKIP_BROWSER=1'

/** The system's Chromium with a fresh profile, closed when the test ends. Throws where there is none, saying how to get it. */
export async function startBrowser(test: TestContext): Promise<Browser> {
  const executablePath = CANDIDATES.find(isExecutable)
  if (executablePath === undefined) {
    throw new Error(
      'No Chromium is installed: run "apt-get install chromium" (or the like), or skip the browser tests with GITWAKE_SKIP_BROWSER=1.',
    )
  }
  const browser = await chromium.launch({ executablePath, args: QUIET })
  test.after(() => browser.close())
  return browser
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
