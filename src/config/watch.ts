import { watch as watchFolder, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Configuration, CurrentConfiguration } from '../model/configuration.ts'
import { GitwakeError, problemOf } from '../model/error.ts'
import type { Log } from '../model/log.ts'
import { listFiles, type ConfigurationFile } from './files.ts'
import { checkFiles } from './load.ts'
import { configurationError } from './problem.ts'

/** File events do not arrive from network mounts and from a mounted ConfigMap's swapped links: so we look as well. */
const LOOK_EVERY_MS = 1000
/** A save is often several writes: what was just seen must be seen again before it counts. */
const SETTLE_MS = 150

/** The configuration of a running process. */
export interface WatchedConfiguration {
  readonly current: CurrentConfiguration
  /** Why the files as they are now were refused; undefined while they are what runs. */
  readonly lastProblem: () => GitwakeError | undefined
  readonly close: () => void
}

/**
 * Loads the configuration and keeps it up to date: a valid change takes effect within two seconds, an invalid one is refused and
 * logged while the last good one stays. Rejects where the first load fails, like loadConfiguration.
 */
export async function watchConfiguration(options: {
  readonly path: string
  readonly log: Log
  readonly onChange?: (configuration: Configuration) => void
  /** Told once of each problem. */
  readonly onRefused?: (problem: GitwakeError) => void
}): Promise<WatchedConfiguration> {
  const { path, log, onChange, onRefused } = options
  const first = await listFiles(path)
  let current = await loaded(path, first, 1)
  let problem: GitwakeError | undefined
  /** The state of the files that was loaded last, whether it was accepted or refused. */
  let tried = digestOf(first)
  let seen = tried

  const refuse = (error: unknown): void => {
    const refused = asGitwakeError(error)
    const known = problem?.message === refused.message
    problem = refused
    if (known) return
    log.error(
      { code: refused.code, fix: refused.fix },
      `${refused.message}\nThe last good configuration (version ${current.version}) stays.`,
    )
    onRefused?.(refused)
  }

  const tell = (configuration: Configuration): void => {
    try {
      onChange?.(configuration)
    } catch (error) {
      log.error({ err: error }, 'what follows a change of the configuration failed')
    }
  }

  /** One look: nothing new; or new, to be seen once more; or settled and loaded. Says when to look again. */
  const look = async (): Promise<number> => {
    try {
      const files = await listFiles(path)
      const digest = digestOf(files)
      const settled = digest === seen
      seen = digest
      if (!settled) return SETTLE_MS
      if (digest === tried) return LOOK_EVERY_MS
      tried = digest
      current = await loaded(path, files, current.version + 1)
      problem = undefined
      log.info({ version: current.version, applications: current.applications.size }, 'configuration changed')
      tell(current)
    } catch (error) {
      // Files that are back after they were gone are loaded again, unchanged or not.
      if (error instanceof GitwakeError && error.code !== 'configuration-invalid') tried = ''
      refuse(error)
    }
    return LOOK_EVERY_MS
  }

  const looks = repeat(look, LOOK_EVERY_MS)
  const isFolder = !(first.length === 1 && first[0]?.path === path)
  const watcher = watchEvents(path, isFolder, () => looks.within(SETTLE_MS))
  return {
    current: () => current,
    lastProblem: () => problem,
    close: () => {
      looks.stop()
      watcher?.close()
    },
  }
}

/** Runs a task again and again, never twice at once, after as many milliseconds as it says; `within` brings the next run forward. */
function repeat(
  task: () => Promise<number>,
  firstDelayMs: number,
): { readonly within: (delayMs: number) => void; readonly stop: () => void } {
  let timer: NodeJS.Timeout | undefined
  let due = Number.POSITIVE_INFINITY
  let running = false
  let stopped = false
  const run = async (): Promise<void> => {
    running = true
    due = Number.POSITIVE_INFINITY
    const delayMs = await task()
    const asked = due - Date.now()
    running = false
    due = Number.POSITIVE_INFINITY
    within(Math.max(0, Math.min(delayMs, asked)))
  }
  const within = (delayMs: number): void => {
    const at = Date.now() + delayMs
    // Only ever earlier: steady events must not put the next look off for ever.
    if (stopped || at >= due) return
    due = at
    if (running) return
    clearTimeout(timer)
    timer = setTimeout(() => void run(), delayMs)
    timer.unref()
  }
  const stop = (): void => {
    stopped = true
    clearTimeout(timer)
  }
  within(firstDelayMs)
  return { within, stop }
}

async function loaded(path: string, files: readonly ConfigurationFile[], version: number): Promise<Configuration> {
  const checked = await checkFiles(path, files, version)
  if (checked.valid) return checked.configuration
  throw configurationError(checked.problems)
}

function digestOf(files: readonly ConfigurationFile[]): string {
  return files.map((file) => `${file.name}\n${file.signature}`).join('\n')
}

function asGitwakeError(error: unknown): GitwakeError {
  if (error instanceof GitwakeError) return error
  return new GitwakeError('configuration-unreadable', `The configuration cannot be read: ${problemOf(error).message}`, {
    fix: 'Check the files.',
    cause: error,
  })
}

/** Events make a change take effect at once; where the platform has none, looking every second is enough. */
function watchEvents(path: string, isFolder: boolean, onEvent: () => void): FSWatcher | undefined {
  const file = basename(path)
  try {
    // The folder, not the file: editors replace a file by renaming another over it, and Kubernetes swaps the link `..data`.
    const watcher = watchFolder(isFolder ? path : dirname(path), { persistent: false }, (_event, name) => {
      if (isFolder || name === null || name === file || name.startsWith('..')) onEvent()
    })
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
