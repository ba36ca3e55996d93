import { PART_OF_LABEL } from '../model/names.ts'
import { displayName } from '../model/object.ts'
import type { ObservedObject } from '../model/observation.ts'
import type { FormerName } from './facts.ts'
import { previousTool } from './previous-tool.ts'

/** May this application take over an object that it did not make? */
export type Claim =
  /** `fix`: how the tool that has it is made to let go. */
  | { readonly verdict: 'adopt'; readonly reason: string; readonly fix?: string }
  | { readonly verdict: 'refuse'; readonly reason: string; readonly fix: string }

/** An owner that nobody configures is, most of the time, this application under its old name. */
const RENAMED = `Was this application renamed? Then say so: spec.renamedFrom: OLD ("gitwake orphans" names it), and the next sync takes its objects over as they are. Else remove the label ${PART_OF_LABEL} from the live object.`

/** `applicationOf` names the application behind an ApplySet id, where this installation knows it. */
export function claim(
  seen: ObservedObject,
  applySet: string,
  applicationOf: (applySet: string) => string | undefined,
  former?: FormerName,
): Claim {
  const owner = seen.labels[PART_OF_LABEL]
  const name = displayName(seen.object)
  const isOwn = owner === applySet || (former !== undefined && owner === former.applySet)
  if (owner !== undefined && !isOwn) {
    const application = applicationOf(owner)
    return {
      verdict: 'refuse',
      reason:
        application === undefined ? `${name} is owned by another ApplySet (${owner})` : `${name} is owned by application ${application}`,
      fix:
        application === undefined
          ? RENAMED
          : `Remove it from one of the two, or remove the label ${PART_OF_LABEL} from the live object to hand it over.`,
    }
  }
  if (seen.controller !== undefined) {
    return {
      verdict: 'refuse',
      reason: `${name} is controlled by ${seen.controller}`,
      fix: 'Declare the controlling object instead, or give this one another name.',
    }
  }
  if (isOwn) return { verdict: 'adopt', reason: 'carries the label of this application but is missing from its inventory' }
  const tool = previousTool(seen)
  if (tool === undefined) return { verdict: 'adopt', reason: 'exists already, made by nobody known' }
  return { verdict: 'adopt', reason: `exists already, made by ${tool.name}`, ...(tool.letGo !== undefined && { fix: tool.letGo }) }
}
