import assert from 'node:assert/strict'
import { attack, SECRETS } from './hostile.ts'
import { serveAlone } from './serve-alone.ts'

const MEBIBYTE = 1024 * 1024

/** The whole serve role as a process of its own under hostile requests; it must live on, ask for nothing and not grow. */
export async function holdAgainst({
  requests,
  seed,
  tell,
}: {
  requests: number
  seed: number
  tell: (line: string) => void
}): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const { redis, program } = await serveAlone(stack, {
    GITWAKE_API_TOKEN: SECRETS.token,
    GITHUB_WEBHOOK_SECRET: SECRETS.github,
    GITLAB_WEBHOOK_SECRET: SECRETS.gitlab,
    GITWAKE_RATE_LIMIT: 'off',
    // Else V8 lets some 100 MiB of garbage lie before it looks at all of its heap, and a leak of that size would look the same. A process
    // that keeps more than this ends.
    NODE_OPTIONS: '--max-old-space-size=64',
  })
  const port = Number(new URL(program.url).port)

  // The first of them compile code and fill buffers. What grows after that goes on growing.
  const atStart = await program.residentBytes()
  const warmUp = await attack(port, { requests: Math.min(50_000, Math.round(requests / 4)), seed: seed - 10_000_000 })
  const before = await program.residentBytes()
  let most = before
  const began = performance.now()
  const { statuses, failures } = await attack(port, {
    requests: requests - warmUp.requests,
    seed,
    onBatch: async () => void (most = Math.max(most, await program.residentBytes())),
  })
  const seconds = (performance.now() - began) / 1000
  const counts = [...statuses].toSorted(([left], [right]) => left - right).map(([status, count]) => `${status || 'closed'}: ${count}`)
  tell(`${requests} hostile requests (seed ${seed}), ${Math.round((requests - warmUp.requests) / seconds)}/s: ${counts.join(', ')}`)
  const [idle, warm, high] = [atStart, before, most].map((bytes) => Math.round(bytes / MEBIBYTE))
  tell(`resident: ${idle} MiB before the first, ${warm} MiB after ${warmUp.requests}, at most ${high} MiB`)

  assert.deepEqual([...warmUp.failures, ...failures], [])
  assert.ok(program.isRunning(), program.output())
  assert.ok(most - before < 64 * MEBIBYTE, `grew by ${Math.round((most - before) / MEBIBYTE)} MiB`)
  assert.ok((statuses.get(401) ?? 0) > requests / 4, 'most are hostile enough to be refused at the door')
  assert.equal(statuses.get(202), undefined)
  const keys = await redis.client.keys('*')
  assert.deepEqual(
    keys.filter((key) => /:app:|:triggers:|:delivery:|:sync:(?:wait|prioritized|active|delayed)$/.test(key)),
    [],
    'nothing was asked for',
  )
  assert.equal((await fetch(`${program.url}/healthz`)).status, 200)
  assert.equal(await program.stop(), 0)
}
