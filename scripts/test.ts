import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { ensureControlPlaneProgram, ensureKustomize } from '../test/support/build.ts'
import { checkoutRoot } from '../test/support/checkout.ts'
import { spawnOwned } from '../test/support/owned-process.ts'
import { offerControlPlane, SHARED_CONTROL_PLANE } from '../test/support/shared-control-plane.ts'

// `npm test [-- FILE…]`: brings what the tests need, then hands over to node's own runner, whose summary ends the output.
const parameters = process.argv.slice(2)
const soak = parameters.includes('--soak')
const named = parameters.filter((parameter) => !parameter.startsWith('--'))

const say = (line: string): void => void process.stderr.write(`gitwake: ${line}\n`)

/** The browser tests need a Chromium: on Debian as root it is installed, elsewhere they are skipped, and told. */
async function ensureChromium(): Promise<Record<string, string>> {
  if (['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].some((path) => existsSync(path))) return {}
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    say('installing chromium for the browser tests (apt-get)')
    const installed =
      (await run('apt-get', ['update', '-q'])) && (await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium']))
    if (installed) return {}
  }
  say('NO BROWSER: the tests of the pages are skipped. Install chromium to run them.')
  return { GITWAKE_SKIP_BROWSER: '1' }
}

async function run(command: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  return await new Promise((resolve) => child.on('error', () => resolve(false)).on('exit', (code) => resolve(code === 0)))
}

async function testFiles(): Promise<string[]> {
  const files = await Array.fromAsync(glob('dist/test/**/*.test.js', { cwd: checkoutRoot }))
  const wanted = files.filter((file) => file.endsWith('.soak.test.js') === soak)
  const chosen = named.length === 0 ? wanted : wanted.filter((file) => named.some((name) => file.includes(name.replace(/\.ts$/, '.js'))))
  return chosen.filter((file) => existsSync(`${checkoutRoot}/${file.replace(/^dist\//, '').replace(/\.js$/, '.ts')}`)).sort()
}

const browser = await ensureChromium()
await ensureControlPlaneProgram(say)
const kustomize = await ensureKustomize(say)
const files = await testFiles()
if (files.length === 0) {
  say('there are no such tests')
  process.exit(1)
}
say(`${files.length} test files`)
const controlPlane = await offerControlPlane(say)
// Soaks take as long as they are told to.
const deadline = soak ? [] : ['--import', './dist/test/support/deadline.js']
// One more than there are cores: many tests wait for a lock or a Lease to run out. They share one control plane, so no more than four.
const concurrency = Math.min(availableParallelism() + 1, 4)
const runner = ['--enable-source-maps', ...deadline, '--test', `--test-concurrency=${concurrency}`, '--test-reporter=spec']
const child = spawnOwned(process.execPath, [...runner, ...files], {
  cwd: checkoutRoot,
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...process.env, ...browser, GITWAKE_TEST_KUSTOMIZE: kustomize, [SHARED_CONTROL_PLANE]: controlPlane.path },
})
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
const [code] = await once(child, 'exit')
await controlPlane.close()
process.exit(code ?? 1)
