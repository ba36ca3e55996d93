import type { Application } from '../model/configuration.ts'
import { isJsonObject } from '../model/json.ts'
import { createMask } from '../model/mask.ts'
import type { Manifest } from '../model/object.ts'

/**
 * What takes the secrets out of the log lines of an application's containers: the values of its own Secrets, and whatever looks like a
 * credential. Undefined where no log lines are wanted.
 */
export function logMask({ sync }: Application, manifests: readonly Manifest[]): ((text: string) => string) | undefined {
  return sync.podLogs === false ? undefined : createMask(manifests.flatMap(secretValues))
}

/** Rendering has folded `stringData` into `data`. */
function secretValues({ apiVersion, kind, data }: Manifest): readonly string[] {
  if (apiVersion !== 'v1' || kind !== 'Secret' || !isJsonObject(data)) return []
  return Object.values(data).flatMap((value) => (typeof value === 'string' ? [Buffer.from(value, 'base64').toString('utf8')] : []))
}
