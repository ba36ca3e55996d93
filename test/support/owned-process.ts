import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { findOnPath } from './checkout.ts'

/**
 * Spawns a process that ends with this one, however this one ends, SIGKILL included. Where setpriv is there, the
 * kernel sees to it (and the child's pid is the program's own); elsewhere a small shell waits for our end.
 */
export function spawnOwned(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const setpriv = findSetpriv()
  if (setpriv !== null) return spawn(setpriv, ['--pdeathsig', 'KILL', '--', command, ...args], options)
  const child = spawn(command, args, options)
  if (child.pid !== undefined) watchOver(child, child.pid)
  return child
}

/** Busybox has a setpriv without the option. */
function findSetpriv(): string | null {
  const file = process.platform === 'linux' ? findOnPath('setpriv') : null
  if (file === null) return null
  const help = spawnSync(file, ['--help'], { encoding: 'utf8' })
  return `${help.stdout}${help.stderr}`.includes('--pdeathsig') ? file : null
}

/** The shell's stdin is a pipe that only we hold open: it closes with us, and then the shell kills the child. */
function watchOver(child: ChildProcess, pid: number): void {
  const watcher = spawn('sh', ['-c', 'cat >/dev/null; kill -9 "$1"', 'sh', String(pid)], {
    detached: true, // a Ctrl-C in the terminal must not take the watcher first
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  child.once('exit', () => watcher.kill('SIGKILL'))
}
