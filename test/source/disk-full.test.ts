import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createOrigin, temporaryFolder } from './remote-host.ts'

/** A file system of one's own needs a namespace of one's own, which some kernels and containers refuse. */
function canMount(): boolean {
  try {
    execFileSync('unshare', ['--map-root-user', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /tmp'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Runs a fetching process whose cache lies on a disk of that size, and once more after the disk has grown. */
async function fetchOnto(context: TestContext, url: string, sizes: readonly string[]): Promise<string> {
  const disk = join(temporaryFolder(context), 'disk')
  mkdirSync(disk)
  const script = fileURLToPath(import.meta.url).replace('disk-full.test', 'fetcher-process')
  const steps = sizes.map((size, index) =>
    [`mount -t tmpfs -o ${index === 0 ? '' : 'remount,'}size=${size} tmpfs ${disk}`, `"$0" ${script} ${disk}/cache ${url} 1 2>&1`].join(
      '\n',
    ),
  )
  const run = promisify(execFile)('unshare', ['--map-root-user', '--mount', 'sh', '-c', steps.join('\n'), process.execPath])
  return (await run.catch((error: { stdout: string }) => error)).stdout
}

test(
  'a disk that is full is told as that, with what to do, and the cache serves again when there is room',
  { skip: canMount() ? false : 'this machine lets nobody mount a file system of their own' },
  async (context) => {
    const origin = createOrigin(temporaryFolder(context))
    writeFileSync(join(origin.work, 'large.yaml'), `# ${randomBytes(1_500_000).toString('hex')}\n`)
    const revision = origin.commit({})
    const output = await fetchOnto(context, origin.url, ['300k', '50m'])
    assert.match(output, /code: 'disk-full'/)
    assert.match(output, /fix: '/)
    assert.match(output, new RegExp(`^${revision} `, 'm'))
  },
)
