import { EVENT_ID, parseEvents, YAMLException, type Event } from 'js-yaml'
import type { Json } from '../model/json.ts'
import { createMapping, createSequence, type Built, type Collection, type YamlLimits } from './yaml-collection.ts'
import { readScalar, tagOf, unknownTag } from './yaml-scalar.ts'
import { ReadError } from './read-error.ts'

/**
 * Reads the YAML documents of a text as kubectl reads them (values of YAML 1.1, promises.md #5), except that keys stay the text they are
 * and that duplicate keys, unknown tags and alias bombs are refused. A document that holds nothing is undefined.
 * Throws ReadError with the offset where one is known.
 */
export function readYaml(text: string, limits: YamlLimits): readonly (Json | undefined)[] {
  const events = eventsOf(text, limits)
  const documents: (Json | undefined)[] = []
  let builder = createBuilder(text, limits)
  for (const event of events) {
    if (event.type === EVENT_ID.DOCUMENT) {
      const handle = event.directives.find((directive) => directive.kind === 'tag')
      if (handle !== undefined) throw new ReadError('a %TAG directive means nothing to Kubernetes', 'Remove the directive and its tags.')
      builder = createBuilder(text, limits)
    } else if (builder.add(event)) {
      documents.push(builder.value())
    }
  }
  return documents
}

/** The parser's flat events; its errors as ReadErrors in our words. */
export function eventsOf(text: string, limits: YamlLimits): readonly Event[] {
  try {
    return parseEvents(text, { maxDepth: limits.depth })
  } catch (error) {
    if (error instanceof YAMLException) throw syntaxError(error)
    if (error instanceof RangeError) throw tooDeep(limits.depth)
    throw error
  }
}

function syntaxError(error: YAMLException): ReadError {
  const reason = error.reason
  const position = error.mark?.position
  if (reason.includes('tab character')) return new ReadError('tabs must not indent YAML', 'Indent with spaces.', position)
  if (reason.includes('null byte')) return new ReadError('the file holds a NUL byte', 'Remove the byte: manifests are text.', position)
  if (reason.includes('maxDepth')) return new ReadError(reason.replace('maxDepth', 'the limit'), 'Nest less deeply.', position)
  return new ReadError(`not valid YAML: ${reason}`, 'Correct the syntax at this place.', position)
}

function tooDeep(depth: number, position?: number): ReadError {
  return new ReadError(`maps and lists are nested more than ${depth} deep`, 'Nest less deeply.', position)
}

interface Builder {
  /** True when the event closed the document. */
  add(event: Event): boolean
  value(): Json | undefined
}

/** Builds one document from its events. Aliases share the value they stand for; what they would cost written out is counted. */
function createBuilder(text: string, limits: YamlLimits): Builder {
  const anchors = new Map<string, Built | 'open'>()
  const open: Collection[] = []
  let aliasBytes = 0
  let result: Json | undefined

  function put(built: Built, position: number): void {
    const parent = open.at(-1)
    if (open.length + built.height > limits.depth) throw tooDeep(limits.depth, position)
    if (parent !== undefined) parent.add(built, position)
    else result = built.value ?? undefined
  }

  function anchor(event: { anchorStart: number; anchorEnd: number }, built: Built | 'open'): void {
    if (event.anchorStart >= 0) anchors.set(text.slice(event.anchorStart, event.anchorEnd), built)
  }

  function aliased(event: { anchorStart: number; anchorEnd: number }): Built {
    const name = text.slice(event.anchorStart, event.anchorEnd)
    const built = anchors.get(name)
    const fix = 'Write the value out, or define the anchor before it is used.'
    if (built === undefined) throw new ReadError('an alias names an anchor that is not defined', fix, event.anchorStart)
    if (built === 'open')
      throw new ReadError('an alias stands inside the value that it stands for', 'Write the value out.', event.anchorStart)
    aliasBytes += built.weight
    if (aliasBytes <= limits.aliasBytes) return built
    const size = `${Math.round(limits.aliasBytes / 1024)} KiB`
    throw new ReadError(
      `the aliases of this document stand for more than ${size}`,
      'Write the values out, or use fewer aliases.',
      event.anchorStart,
    )
  }

  function begin(event: Extract<Event, { start: number }>): void {
    const tag = tagOf(text, event)
    const mapping = event.type === EVENT_ID.MAPPING
    if (tag !== '' && tag !== (mapping ? 'map' : 'seq')) throw unknownTag(tag, event.tagStart)
    anchor(event, 'open')
    open.push((mapping ? createMapping : createSequence)(event.start, (built) => anchor(event, built)))
  }

  function end(): boolean {
    const collection = open.pop()
    if (collection === undefined) return true
    put(collection.close(), collection.position)
    return false
  }

  return {
    add(event) {
      switch (event.type) {
        case EVENT_ID.SCALAR: {
          const { text: written, value, merge } = readScalar(text, event)
          const built: Built = {
            value,
            text: written,
            merge,
            empty: event.valueStart < 0,
            weight: written.length + 1,
            height: 0,
          }
          anchor(event, built)
          put(built, event.valueStart)
          return false
        }
        case EVENT_ID.SEQUENCE:
        case EVENT_ID.MAPPING:
          begin(event)
          return false
        case EVENT_ID.ALIAS:
          put(aliased(event), event.anchorStart)
          return false
        case EVENT_ID.POP:
          return end()
        case EVENT_ID.DOCUMENT:
          return false
      }
    },
    value: () => result,
  }
}
