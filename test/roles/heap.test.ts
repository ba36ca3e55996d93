import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const MiB = 1024 * 1024

test('the heap stays small under a load that would make it grow', async () => {
  const program = fileURLToPath(import.meta.resolve('./heap-process.js'))
  const measure = async (how: string) =>
    JSON.parse((await promisify(execFile)(process.execPath, [program, how])).stdout) as { readonly young: number; readonly old: number }
  const [small, free] = [await measure('small'), await measure('as it comes')]
  const told = JSON.stringify({ small, free })
  assert.ok(small.young < 17 * MiB && free.young > 1.5 * small.young, told)
  assert.ok(small.old < 0.85 * free.old, told)
})
