import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Resident memory of a process, in MiB. */
export async function residentMiB(pid: number): Promise<number> {
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)])
  return Number(stdout.trim()) / 1024
}

/** Looks once in a while until told to stop; resolves with the most that it saw. */
export function watchResident(pid: number): { stop(): Promise<number> } {
  let most = 0
  let looking = Promise.resolve()
  const look = async (): Promise<void> => {
    most = Math.max(most, await residentMiB(pid).catch(() => 0))
  }
  const timer = setInterval(() => (looking = look()), 250)
  return {
    async stop() {
      clearInterval(timer)
      await looking
      await look()
      return most
    },
  }
}
