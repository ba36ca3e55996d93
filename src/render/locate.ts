import { EVENT_ID, getScalarValue } from 'js-yaml'
import { eventsOf } from './yaml.ts'
import type { YamlLimits } from './yaml-collection.ts'

/** A path into a document: `['metadata', 'labels', 'version']`, `['items', 3]`. */
export type FieldPath = readonly (string | number)[]

/** As users write it: `metadata.labels[app.kubernetes.io/version]`, `items[3].kind`. */
export function displayPath(path: FieldPath): string {
  return path
    .map((step, at) => {
      if (typeof step === 'number' || !/^[A-Za-z_][\w-]*$/.test(step)) return `[${step}]`
      return at === 0 ? step : `.${step}`
    })
    .join('')
}

interface Level {
  /** Undefined in a list. */
  key: string | undefined
  index: number
  readonly isMapping: boolean
  /** All steps so far are those of the path. */
  readonly onPath: boolean
}

/**
 * The offset of a field in the text of its document, or of the deepest part of its path that is written there. Reads the text again: only
 * messages need it, so that well-formed manifests pay nothing for it. JSON is YAML enough for this.
 */
export function locate(text: string, index: number, path: FieldPath, limits: YamlLimits): number | undefined {
  let document = -1
  let found: number | undefined
  let depth = 0
  const open: Level[] = []

  function visit(position: number, isCollection: boolean, isMapping: boolean, scalar: string | undefined): void {
    const parent = open.at(-1)
    const isKey = parent?.isMapping === true && parent.key === undefined
    if (isKey) {
      parent.key = scalar ?? ''
      if (parent.onPath && open.length === depth + 1 && parent.key === path[depth]) found = position
    }
    const step = parent === undefined ? undefined : parent.isMapping ? parent.key : parent.index
    const onPath = parent === undefined || (!isKey && parent.onPath && step === path[open.length - 1])
    if (!isKey && onPath && (parent === undefined || !parent.isMapping)) found = position
    if (!isKey && onPath) depth = Math.max(depth, open.length)
    if (isCollection) open.push({ key: undefined, index: 0, isMapping, onPath })
    else if (!isKey) next()
  }

  function next(): void {
    const parent = open.at(-1)
    if (parent === undefined) return
    parent.key = undefined
    parent.index++
  }

  for (const event of eventsOf(text, limits)) {
    if (event.type === EVENT_ID.DOCUMENT) document++
    else if (document !== index) continue
    else if (event.type === EVENT_ID.POP) {
      if (open.pop() !== undefined) next()
    } else if (event.type === EVENT_ID.SCALAR) visit(event.valueStart, false, false, getScalarValue(text, event))
    else if (event.type === EVENT_ID.ALIAS) visit(event.anchorStart, false, false, undefined)
    else visit(event.start, true, event.type === EVENT_ID.MAPPING, undefined)
  }
  return found
}
