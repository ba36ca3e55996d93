import { randomUUID } from 'node:crypto'
import type { ChildProcess } from 'node:child_process'
import { until } from '../queue/until.ts'
import { startRedisProxy, type RedisCommand, type RedisHooks } from '../support/redis-proxy.ts'
import { expectConverged, expectOnlyOwnDeletes, expectTracked, type Scene } from '../sync/crash-scene.ts'

/** One kill: of whom, and at which of the commands that receiver or worker sends to Redis. */
export interface KillPoint {
  readonly name: string
  readonly of: 'receiver' | 'worker'
  /** Redis itself, in place of the one who sends the command. */
  readonly redis?: boolean
  readonly at: CommandPattern
  /** Does Redis carry the command out before? */
  readonly when: 'before' | 'after'
}

/** What became of it. */
export interface Killed {
  readonly point: KillPoint
  /** Undefined where all was over before. */
  readonly command: RedisCommand | undefined
  /** Of the answer to a delivery; 0 where there was none. */
  readonly status: number
}

export type CommandPattern = keyof typeof COMMANDS
const COMMANDS = {
  'give a ticket': /^EVAL\w* 2 \S+:deliveries /,
  'add the job': /^EVAL\w* \d+ \S+:sync:marker /,
  'take the job': /^EVAL\w* 11 \S+:sync:wait /,
  'take what is wanted': /^EVAL\w* 2 \S+:app:/,
  'record the outcome': /^EVAL\w* 4 \S+:app:/,
} as const

function isAt(point: KillPoint, command: RedisCommand): boolean {
  return COMMANDS[point.at].test(`${command.name} ${command.parameters.slice(1).join(' ')} `)
}

/** Strikes once, from when it is armed. */
function striking(point: KillPoint, strike: () => void) {
  let isArmed = false
  let struck: RedisCommand | undefined
  const judge = (command: RedisCommand): 'pass' | 'swallow' => {
    if (!isArmed || struck !== undefined || !isAt(point, command)) return 'pass'
    struck = command
    strike()
    return 'swallow'
  }
  const hooks: RedisHooks = {
    before: (command) => (point.when === 'before' ? judge(command) : 'pass'),
    after: (command) => (point.when === 'after' ? judge(command) : 'pass'),
  }
  return { hooks, arm: () => void (isArmed = true), struck: () => struck }
}

/** A delivery of the second commit, and a kill while it is accepted. Where nothing was written down, the sender tries again. */
async function killAccepting(scene: Scene, point: KillPoint): Promise<Killed> {
  let down: Promise<void> | undefined
  let pid = 0
  const kill = (): void => void (point.redis ? (down = scene.redis.kill()) : process.kill(pid, 'SIGKILL'))
  const { hooks, arm, struck } = striking(point, kill)
  const proxy = await startRedisProxy(scene.redis.url, hooks)
  const server = await scene.serve(point.name, proxy.url)
  pid = server.pid
  const id = randomUUID()
  arm()
  const status = await scene.deliver(server, id).catch(() => 0)
  const command = struck()
  await down
  if (point.redis) await restartRedis(scene, point)
  else await server.kill()
  if (status !== 202 && !(await scene.isAsked(point.name))) {
    const next = point.redis ? server : await scene.serve(point.name, scene.redis.url)
    await until(async () => (await scene.deliver(next, id)) < 300)
    await next.kill()
  }
  await server.kill()
  await proxy.close()
  return { point, command, status }
}

/** A worker that syncs the second commit, and a kill on the way. */
async function killWorking(scene: Scene, point: KillPoint): Promise<Killed> {
  let down: Promise<void> | undefined
  let child: ChildProcess | undefined
  const kill = (): void => void (point.redis ? (down = scene.redis.kill()) : child?.kill('SIGKILL'))
  const { hooks, arm, struck } = striking(point, kill)
  const proxy = await startRedisProxy(scene.redis.url, hooks)
  const worker = await scene.work(point.name, () => ({}), { REDIS_URL: proxy.url })
  child = worker.child
  await until(() => worker.log().includes('gitwake works'))
  arm()
  await scene.ask(point.name)
  let isOver = false
  const ended = worker.gone.then(() => (isOver = true))
  // The question may be under way while Redis is killed.
  const isDone = (): Promise<boolean> => scene.isDone(point.name).catch(() => false)
  await until(async () => isOver || down !== undefined || (await isDone()))
  const command = struck()
  await down
  if (down !== undefined) {
    await restartRedis(scene, point)
    await until(isDone, APPLIED_WITHIN_MS)
  }
  worker.child.kill('SIGKILL')
  await ended
  await proxy.close()
  return { point, command, status: 0 }
}

const APPLIED_WITHIN_MS = 75_000

/** Resolves when those who ask fail no more. */
async function restartRedis(scene: Scene, { name }: KillPoint): Promise<void> {
  await scene.redis.restart()
  await until(async () =>
    scene.isDone(name).then(
      () => true,
      () => false,
    ),
  )
}

/** Carries out all of these kills, one after the other, and then lets one worker bring to an end what is left. */
export async function carryOut(scene: Scene, points: readonly KillPoint[]): Promise<readonly Killed[]> {
  const killed: Killed[] = []
  for (const point of points) killed.push(await (point.of === 'receiver' ? killAccepting : killWorking)(scene, point))
  await scene.work(undefined, () => ({}))
  await until(async () => (await Promise.all(points.map(({ name }) => scene.isDone(name)))).every(Boolean), APPLIED_WITHIN_MS)
  for (const { name } of points) {
    const left = await scene.remains(name)
    expectConverged(left)
    expectTracked(left)
    expectOnlyOwnDeletes(left)
  }
  return killed
}
