import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Whom commits are by; fixed, so that nobody's own configuration is needed or used. */
const IDENTITY = { name: 'Ada Example', email: 'ada@example.com' }

/** Git's environment from nothing: neither the user's nor the system's configuration may change a test. */
export function gitEnvironment(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    LC_ALL: 'C',
    GIT_AUTHOR_NAME: IDENTITY.name,
    GIT_AUTHOR_EMAIL: IDENTITY.email,
    GIT_COMMITTER_NAME: IDENTITY.name,
    GIT_COMMITTER_EMAIL: IDENTITY.email,
  }
}

/** The committer line of a fast-import stream. */
export const committer = `committer ${IDENTITY.name} <${IDENTITY.email}> now`

/** Runs git in a repository and returns what it printed. Throws with git's own words. */
export async function git(folder: string, args: readonly string[], input: string | Buffer = ''): Promise<string> {
  const child = spawn('git', args, { cwd: folder, env: gitEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] })
  const out: Buffer[] = []
  const complaints: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk))
  child.stdin.on('error', () => undefined) // it ended early: the exit code tells
  child.stdin.end(input)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${Buffer.concat(complaints).toString('utf8').trim()}`)
  return Buffer.concat(out).toString('utf8')
}
