import { GitwakeError } from '../model/error.ts'

const LARGEST_INPUT = 64 * 1024 * 1024

/** Everything that arrives on standard input, at most 64 MiB. */
export async function readStandardInput(signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin) {
    signal.throwIfAborted()
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > LARGEST_INPUT)
      throw new GitwakeError('input-too-large', 'Standard input holds more than 64 MiB.', { fix: 'Give a file or a folder instead.' })
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}
