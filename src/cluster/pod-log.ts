import { GitwakeError } from '../model/error.ts'
import type { LiveObject } from '../model/object.ts'
import type { ClusterConnection } from './connect.ts'
import { objectPath } from './paths.ts'

const PODS = { group: '', version: 'v1', kind: 'Pod', resource: 'pods', namespaced: true, verbs: ['get'], hasStatus: true } as const
const LINES = 10
const LINE_CHARACTERS = 500
const BYTES = 32 * 1024

/**
 * The last lines that a container has written before it ended, fit to be shown by `mask`. None where they may not be read, or there
 * are none. Throws only the signal's reason.
 */
export async function readPodLog(
  connection: ClusterConnection,
  { metadata }: LiveObject,
  container: string,
  mask: (text: string) => string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = `${objectPath(PODS, metadata.namespace ?? '', metadata.name)}/log`
  try {
    // Of the attempt before, where there is one: the current one may have written nothing yet.
    for (const previous of [true, undefined]) {
      const query = { container, previous, tailLines: LINES, limitBytes: BYTES }
      const answer = await connection.request({ method: 'GET', path, query, accept: '*/*', timeoutMs: 3000, signal })
      if (answer.status === 200 && answer.text.trim() !== '') return lastLines(mask(answer.text))
      if (answer.status === 403) return []
    }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof GitwakeError)) throw error
  }
  return []
}

function lastLines(text: string): readonly string[] {
  const lines = text.split(/\r?\n/).map(shown)
  return lines.filter((line) => line !== '').slice(-LINES)
}

/** Without colours and what else a terminal would obey. */
function shown(line: string): string {
  // oxlint-disable-next-line no-control-regex
  const plain = line.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
  return plain.length > LINE_CHARACTERS ? `${plain.slice(0, LINE_CHARACTERS)}…` : plain.trimEnd()
}
