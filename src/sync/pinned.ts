import type { Application, Repository } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import { displayWord, type Pin } from '../model/standing.ts'
import type { Tree } from '../model/tree.ts'
import { pinVerdict } from '../plan/pin.ts'
import { inputsDigest } from './decide.ts'
import type { HeadsSeen, Renderer, Source, StoredInventory } from './ports.ts'

export interface PinRequest {
  readonly application: Application
  readonly repository: Repository
  readonly signal: AbortSignal
  /** Keeps the pin as it is now. */
  readonly keep: (pin: Pin) => Promise<StoredInventory | undefined>
}

export interface PinPorts {
  readonly source: Source
  readonly heads: HeadsSeen
  readonly renderer: Renderer
  readonly now: () => number
}

/** The commit that stands, the inventory as it is then, and what is to be told of it. */
export interface Stands {
  readonly tree: Tree
  readonly stored: StoredInventory | undefined
  readonly note?: string
}

/** So many of the commits that a rollback left behind are remembered. */
const MOST_BAD = 500

/**
 * The commit that is applied: the branch's head or, while an application is pinned, what it was rolled back to. The pin ends by itself once the
 * branch brings something else for this application than what was rolled back. Throws GitwakeError `revision-not-found` where the branch
 * never had the revision: the pin ends then, too.
 */
export async function heedPin(head: Tree, stored: StoredInventory | undefined, request: PinRequest, ports: PinPorts): Promise<Stands> {
  const said = stored?.inventory.standing?.pin
  if (said?.active !== true) return { tree: head, stored }
  const pin = said.settled ? said : await settle(said, head, request, ports)
  const isNew = head.revision !== pin.revision && !pin.bad.includes(head.revision)
  const verdict = pinVerdict(pin, head.revision, isNew ? await inputsOf(head, request, ports) : undefined)
  if (verdict.holds) {
    const next = isNew ? { ...pin, bad: [head.revision, ...pin.bad].slice(0, MOST_BAD) } : pin
    const kept = next === said ? stored : await request.keep(next)
    const tree = await ports.source.commit(request.repository, pin.revision, request.signal)
    return { tree, stored: kept, note: `pinned to ${short(pin.revision)} ${displayWord(pin)}` }
  }
  const kept = await request.keep(ended(pin, verdict.why, ports))
  return { tree: head, stored: kept, note: `the pin to ${short(pin.revision)} is over: ${verdict.why}` }
}

/** Looks whether the branch had the revision, and which commits the rollback leaves behind. */
async function settle(pin: Pin, head: Tree, request: PinRequest, ports: PinPorts): Promise<Pin> {
  const { application, repository, signal } = request
  const { ref } = application.source
  const worst = pin.bad[0] ?? head.revision
  const between = await ports.source.between(repository, ref, { from: pin.revision, to: worst }, signal)
  if (between === undefined && !(await ports.heads.has(repository.name, ref, pin.revision))) {
    await request.keep(ended(pin, `${ref} never had it`, ports))
    throw new GitwakeError(
      'revision-not-found',
      `${application.name} is not rolled back: ${ref} of ${repository.name} never had ${pin.revision}`,
      {
        fix: 'Name a commit of the branch: "gitwake history" lists those that were applied, "git log" all of them.',
      },
    )
  }
  const bad = [...new Set([worst, ...(between ?? []), ...pin.bad])].filter((revision) => revision !== pin.revision).slice(0, MOST_BAD)
  const inputs = worst === head.revision ? await inputsOf(head, request, ports) : undefined
  return { ...pin, bad, settled: true, ...(inputs !== undefined && { inputs }) }
}

/** Undefined where it cannot be told: the commit then counts as another one. */
async function inputsOf(tree: Tree, { application, signal }: PinRequest, { renderer }: PinPorts): Promise<string | undefined> {
  try {
    return inputsDigest((await renderer.inputs(tree, application, signal)).digest, application)
  } catch (error) {
    if (error instanceof GitwakeError && !error.retryable) return undefined
    throw error
  }
}

function ended({ inputs: _inputs, ...pin }: Pin, reason: string, { now }: PinPorts): Pin {
  return { ...pin, active: false, by: 'gitwake', reason, at: Math.max(now(), pin.at + 1) }
}

function short(revision: string): string {
  return revision.slice(0, 12)
}
