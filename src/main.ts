#!/usr/bin/env node
import { runCli } from './cli.ts'
import type { Working, WorkOptions } from './roles/work.ts'

process.exitCode = await runCli({ parameters: process.argv.slice(2), roles: { start, serve, work } })
await Promise.all([process.stdout, process.stderr].map(written))
// A pooled connection or a timer of a library must not keep a command alive that has done its work.
process.exit()

/** A pipe takes 64 KiB at once: what its reader has not taken yet would be lost by an exit. */
async function written(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => stream.write('', () => resolve()))
}

/** Everything in one process: the default for one machine. */
async function start(): Promise<number> {
  const { openProcess, untilStopped } = await import('./roles/process.ts')
  const shared = await openProcess()
  const stopped = untilStopped()
  const { startServing } = await import('./roles/serve.ts')
  const { startWorking } = await import('./roles/work.ts')
  const serving = await startServing(shared)
  const working = await startWorking(shared, { drain: false })
  await stopped
  shared.log.info({}, 'stopping')
  await Promise.all([serving.close(), working.close()])
  await shared.close()
  return 0
}

/** Receiver, API and pages; the code that talks to clusters is never loaded. */
async function serve(): Promise<number> {
  const { openProcess, untilStopped } = await import('./roles/process.ts')
  const shared = await openProcess()
  const stopped = untilStopped()
  const { startServing } = await import('./roles/serve.ts')
  const serving = await startServing(shared)
  await stopped
  await serving.close()
  await shared.close()
  return 0
}

async function work(options: WorkOptions): Promise<number> {
  const { openProcess, untilStopped } = await import('./roles/process.ts')
  const shared = await openProcess()
  const stopped = untilStopped()
  const { startWorking } = await import('./roles/work.ts')
  const { startWorkerProbes } = await import('./roles/worker-probes.ts')
  const working = await startWorking(shared, options)
  const probes = await startWorkerProbes(shared, options)
  const ended = new AbortController()
  await (options.drain ? Promise.race([drain(working, ended.signal), stopped]) : stopped)
  ended.abort()
  await working.close()
  await probes?.close()
  await shared.close()
  return 0
}

async function drain(working: Working, signal: AbortSignal): Promise<void> {
  await working.drained(signal).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
