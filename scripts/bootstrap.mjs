// The one file that must run on whatever Node a fresh machine has: it brings a new enough Node, the
// dependencies and the compiled program, each only when missing, and then hands over to the script named
// as its first argument (a path below dist/ without ".js"). Plain JavaScript without dependencies.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_VERSION = '26.10.0'
const OLDEST_NODE = [22, 19]
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cache = process.env.GITWAKE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gitwake')

const say = (text) => process.stderr.write(`gitwake: ${text}\n`)

function fail(text) {
  say(text)
  process.exit(1)
}

function run(command, args, options = {}) {
  // stdout stays free for the script's own output: everything the set-up prints goes to stderr.
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options })
  if (result.error) fail(`${command} could not be started: ${result.error.message}`)
  return result.status === 0
}

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
}

function ensureNode() {
  if (isNewEnough(process.versions.node)) return process.execPath
  const home = join(cache, `node-v${NODE_VERSION}-${process.platform}-${process.arch}`)
  const binary = join(home, 'bin', 'node')
  if (existsSync(binary)) return binary
  const name = `node-${process.platform}-${process.arch}`
  say(`Node ${process.versions.node} is too old (${OLDEST_NODE.join('.')} is needed): fetching Node ${NODE_VERSION} once, into ${home}`)
  const staging = `${home}.${process.pid}`
  mkdirSync(staging, { recursive: true })
  writeFileSync(join(staging, 'package.json'), '{"private":true}')
  const fetched = run(
    'npm',
    ['install', '--prefix', staging, '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', `${name}@${NODE_VERSION}`],
    { cwd: staging },
  )
  if (!fetched) fail(`npm has no ${name}@${NODE_VERSION} for this machine: install Node ${OLDEST_NODE.join('.')} or newer by hand`)
  try {
    renameSync(join(staging, 'node_modules', name), home)
  } catch (error) {
    if (!existsSync(binary)) throw error // somebody else was faster: theirs serves as well
  }
  rmSync(staging, { recursive: true, force: true })
  return binary
}

function ensureDependencies(environment) {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const marker = join(root, 'node_modules', '.gitwake-lock')
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return
  say('installing dependencies (npm ci)')
  // No package's install script runs: none of ours needs one, and it is where supply-chain attacks start.
  const installed = run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { env: environment })
  if (!installed) fail('npm ci failed: see above')
  writeFileSync(marker, wanted)
}

function compile(node) {
  const compiled = run(node, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', root])
  if (!compiled) fail('the sources do not compile: see above')
}

const node = ensureNode()
const environment = { ...process.env, PATH: `${dirname(node)}:${process.env.PATH ?? ''}` }
ensureDependencies(environment)
compile(node)

const [script, ...args] = process.argv.slice(2)
if (script !== undefined) {
  const child = spawn(node, ['--enable-source-maps', join(root, 'dist', `${script}.js`), ...args], { stdio: 'inherit', env: environment })
  // A terminal signals the whole group itself; these are for a signal sent to this process alone.
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128 + 15)))
}
