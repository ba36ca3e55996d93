import { DUMP_SCHEMA, dump } from 'js-yaml'
import { stringifyJson, type Json } from '../model/json.ts'

const INTEGER = 'tag:yaml.org,2002:int'

/** The dumper's schema, which quotes whatever YAML 1.1 or 1.2 could take for something else, with integers beyond 2^53 digit by digit. */
const SCHEMA = DUMP_SCHEMA.withTags(
  DUMP_SCHEMA.tags.flatMap((tag) =>
    tag.nodeKind === 'scalar' && tag.tagName === INTEGER
      ? [
          {
            ...tag,
            identify: (data: unknown) => typeof data === 'bigint' || tag.identify(data),
            represent: (data: unknown) => (typeof data === 'bigint' ? String(data) : tag.represent(data)),
          },
        ]
      : [],
  ),
)

/** YAML documents that kubectl reads as exactly these values. */
export function yamlDocuments(values: readonly Json[]): string {
  return values.map((value) => `---\n${dump(value, { schema: SCHEMA, noRefs: true, lineWidth: -1 })}`).join('')
}

/** A v1 List, as `kubectl get -o json` prints objects. */
export function jsonList(values: readonly Json[]): string {
  return `${stringifyJson({ apiVersion: 'v1', kind: 'List', items: values }, 2)}\n`
}
