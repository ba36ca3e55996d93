import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { withLog } from './demo/gitwake.ts'
import { setStage, type Stage } from './demo/stage.ts'
import { tellStory } from './demo/story.ts'

const HELP = `Sets up Redis, a Kubernetes control plane, a Git server with a sample shop, and gitwake; then tells what gitwake does
with a push, a hand edit, a broken commit, a git revert and a removed file. Stays up until Ctrl-C; nothing is left behind.

  npm run demo [-- --once]

  --once   ends after the story; the last line is one JSON object with the figures
  --help   this text

REDIS_URL names a running Redis to use instead of a child; LOG_LEVEL is gitwake's.
`

const log = (line: string): void => void process.stderr.write(`gitwake: ${line}\n`)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

async function play(isOnce: boolean, ends: (() => unknown)[], stopped: AbortSignal): Promise<void> {
  const stage = await setStage(log, (end) => ends.push(end), stopped)
  stage.failed.catch(() => undefined) // heard in both races below
  try {
    const figures = await Promise.race([tellStory(stage, say, stopped), stage.failed])
    say('\nAll of it happened.\n')
    if (isOnce) return say(JSON.stringify(figures))
    tellAddresses(stage)
    await Promise.race([stopped.aborted ? undefined : once(stopped, 'abort'), stage.failed])
  } catch (error) {
    throw stopped.aborted ? error : withLog(error, stage.gitwake.logLines)
  }
}

function tellAddresses({ gitwake, token, repository, kubeconfig }: Stage): void {
  say(`Status page   ${gitwake.url}/        (any user name, the token as password)`)
  say(`Job queues    ${gitwake.url}/queues`)
  say(`API           curl -H "Authorization: Bearer ${token}" ${gitwake.url}/api/applications`)
  say(`Sync by hand  curl -X POST -H "Authorization: Bearer ${token}" "${gitwake.url}/api/applications/shop-prod/sync?wait=60s"`)
  say(`Token         ${token}`)
  say(`Cluster       kubectl --kubeconfig ${kubeconfig} get deployments -A`)
  say(`Git           git clone ${repository.url}`)
  say('\nA push without a webhook is seen within a minute. Ctrl-C ends everything.')
}

/** In the opposite order; one that fails does not keep the others. */
async function endAll(ends: readonly (() => unknown)[]): Promise<void> {
  for (const end of ends.toReversed()) {
    try {
      await end()
    } catch (error) {
      log(`cleaning up: ${error instanceof Error ? error.message : String(error)}`)
      process.exitCode = 1
    }
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { once: { type: 'boolean' }, help: { type: 'boolean' } } })
  if (values.help === true) return void process.stdout.write(HELP)
  const stopped = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stopped.abort())
  const ends: (() => unknown)[] = []
  try {
    await play(values.once === true, ends, stopped.signal)
  } catch (error) {
    process.exitCode = stopped.signal.aborted ? 130 : 1
    if (!stopped.signal.aborted) log(`the demo failed: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    await endAll(ends)
  }
}

await main()
