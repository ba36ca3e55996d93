import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import type { Announcement } from './provider.ts'

const pathField = z.string().min(1).max(1024)
const schema = z.object({ path_with_namespace: pathField, old_path_with_namespace: pathField })

/** A system hook's `project_rename` or `project_transfer`: it names paths, and not the host. https://docs.gitlab.com/administration/system_hooks/#project-renamed */
export function decodeRename(event: string, payload: JsonObject): Announcement {
  const { data: told } = schema.safeParse(payload)
  if (told === undefined) return { kind: 'ignored', event, reason: 'it does not say what the project was called' }
  return { kind: 'rename', event: 'project renamed', from: { path: told.old_path_with_namespace }, to: told.path_with_namespace }
}
