import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createTempFolder } from '../support/temp-folder.ts'

test('a reader that is slow gets everything, however much a command prints', async (t) => {
  const folder = await createTempFolder('gitwake-pipe-')
  t.after(async () => folder.remove())
  const names = Array.from({ length: 3_000 }, (_, index) => `settings-${index}`)
  const file = join(folder.path, 'many.yaml')
  await writeFile(file, names.map((name) => `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}}}\n`).join('---\n'))
  const main = fileURLToPath(new URL('../../src/main.js', import.meta.url))
  const child = spawn(process.execPath, [main, 'render', '-f', file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  await sleep(1_000)
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  const [code] = await ended
  assert.equal(code, 0)
  assert.equal(text.match(/^kind: ConfigMap$/gm)?.length, names.length)
})
