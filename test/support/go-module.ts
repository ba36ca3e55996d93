import { spawnSync } from 'node:child_process'

/** The folder of a Go module's source in the module cache, fetched where it is missing: test data that nobody here wrote. */
export function goModuleFolder(path: string, version: string): string {
  const { status, stdout, stderr } = spawnSync('go', ['mod', 'download', '-json', `${path}@${version}`], {
    encoding: 'utf8',
    env: { ...process.env, GOWORK: 'off', GOFLAGS: '' },
    cwd: '/',
  })
  const answer: unknown = status === 0 ? JSON.parse(stdout) : undefined
  const folder: unknown = typeof answer === 'object' && answer !== null && 'Dir' in answer ? answer.Dir : undefined
  if (typeof folder !== 'string') throw new Error(`go mod download ${path}@${version}: ${stderr}${stdout}`)
  return folder
}
