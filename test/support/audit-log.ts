import { open, stat } from 'node:fs/promises'

/** The parts of an audit event (audit.k8s.io/v1, level Metadata, stage ResponseComplete) that tests ask for. */
export interface AuditEvent {
  readonly auditID: string
  readonly verb: string
  /** With its query: dryRun, fieldManager, labelSelector, … */
  readonly requestURI: string
  readonly user: { readonly username: string; readonly groups?: readonly string[] }
  readonly impersonatedUser?: { readonly username: string }
  readonly userAgent?: string
  readonly objectRef?: {
    readonly resource?: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
    readonly apiGroup?: string
    readonly apiVersion?: string
    readonly uid?: string
    readonly resourceVersion?: string
  }
  /** Of a watch, the code it began with; the event comes when it ends. */
  readonly responseStatus?: { readonly code?: number; readonly reason?: string }
  /** RFC 3339 with microseconds. */
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
}

/** Which events are wanted; all that is given must hold. */
export interface AuditFilter {
  readonly user?: string
  /** Part of the user agent. */
  readonly userAgent?: string
  readonly verbs?: readonly string[]
  readonly resource?: string
  readonly namespace?: string
  readonly name?: string
  /** Received at or after it. */
  readonly after?: Date
}

/** The API server's own record of its requests: the oracle for how many, in which order, by whom. */
export interface AuditLog {
  /** The place after the last event so far; hand it to read() to see only what comes after it. */
  position(): Promise<number>
  /** Events in the order of their answers. An event is written before its answer ends, so what was awaited is there. */
  read(filter?: AuditFilter, since?: number): Promise<readonly AuditEvent[]>
  /** The same, with the place from which to go on: for whoever reads it as it grows. */
  readOn(filter: AuditFilter, since: number): Promise<{ readonly events: readonly AuditEvent[]; readonly position: number }>
}

/** Opens the audit log of a control plane; where others use it too, `own` tells apart what is one's own. */
export function openAuditLog(file: string, own: AuditFilter = {}): AuditLog {
  async function readOn(filter: AuditFilter, since: number): ReturnType<AuditLog['readOn']> {
    const bytes = await readComplete(file, since)
    const events = bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map(parse)
      .filter((event) => isWanted(event, own) && isWanted(event, filter))
    return { events, position: since + bytes.length }
  }
  return {
    async position() {
      return (await stat(file)).size
    },
    read: async (filter = {}, since = 0) => (await readOn(filter, since)).events,
    readOn,
  }
}

/** Whether the request changed something, or would have but for dryRun. */
export function isWrite(event: AuditEvent): boolean {
  return ['create', 'update', 'patch', 'delete', 'deletecollection'].includes(event.verb)
}

/** Whether it was only tried. */
export function isDryRun(event: AuditEvent): boolean {
  return new URL(event.requestURI, 'https://localhost').searchParams.has('dryRun')
}

/** The file from an offset to its last complete line: the server writes whole lines, but the disk may be behind. */
async function readComplete(file: string, since: number): Promise<Buffer> {
  const handle = await open(file)
  try {
    const size = (await handle.stat()).size
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.max(0, size - since)), 0, Math.max(0, size - since), since)
    return buffer.subarray(0, buffer.subarray(0, bytesRead).lastIndexOf(10) + 1)
  } finally {
    await handle.close()
  }
}

function parse(line: string): AuditEvent {
  return JSON.parse(line) // our own control plane wrote it
}

function isWanted(event: AuditEvent, filter: AuditFilter): boolean {
  const { user, userAgent, verbs, resource, namespace, name, after } = filter
  if (user !== undefined && event.user.username !== user) return false
  if (userAgent !== undefined && event.userAgent?.includes(userAgent) !== true) return false
  if (verbs !== undefined && !verbs.includes(event.verb)) return false
  if (resource !== undefined && event.objectRef?.resource !== resource) return false
  if (namespace !== undefined && event.objectRef?.namespace !== namespace) return false
  if (name !== undefined && event.objectRef?.name !== name) return false
  return after === undefined || Date.parse(event.requestReceivedTimestamp) >= after.getTime()
}
