import { CORE_SCHEMA, loadAll, mergeTag, YAMLException } from 'js-yaml'
import type { z } from 'zod'
import { suggestion } from '../model/nearest.ts'
import { explain } from './explain.ts'
import type { ConfigurationProblem } from './problem.ts'
import type { ApplicationDocument } from './schema/application.ts'
import type { ClusterDocument } from './schema/cluster.ts'
import { DOCUMENTS } from './schema/documents.ts'
import type { LoginDocument, PeopleDocument } from './schema/login.ts'
import type { RepositoryDocument } from './schema/repository.ts'
import type { TokenDocument } from './schema/token.ts'

const YAML = { schema: CORE_SCHEMA.withTags(mergeTag), maxAliases: 1000, maxDepth: 32 } as const

/** Where a document stands, for messages. */
export interface Place {
  readonly file: string
  readonly document: number
}

/** A document whose shape is right; what it says is still to be checked. */
export type CheckedDocument = { readonly place: Place } & (
  | { readonly kind: 'Repository'; readonly document: RepositoryDocument }
  | { readonly kind: 'Cluster'; readonly document: ClusterDocument }
  | { readonly kind: 'Application'; readonly document: ApplicationDocument }
  | { readonly kind: 'Token'; readonly document: TokenDocument }
  | { readonly kind: 'Login'; readonly document: LoginDocument }
  | { readonly kind: 'People'; readonly document: PeopleDocument }
)

/** The documents of one file and everything that is wrong with their shape. */
export function parseDocuments(
  file: string,
  text: string,
): { readonly documents: readonly CheckedDocument[]; readonly problems: readonly ConfigurationProblem[] } {
  let values: readonly unknown[]
  try {
    values = loadAll(text, YAML)
  } catch (error) {
    return { documents: [], problems: [{ file, document: 0, path: '', message: syntaxMessage(error) }] }
  }
  const documents: CheckedDocument[] = []
  const problems: ConfigurationProblem[] = []
  values.forEach((value, index) => {
    if (value === null || value === undefined) return // an empty document, as between two separators
    const place = { file, document: index + 1 }
    const checked = checkDocument(place, value)
    if ('problems' in checked) problems.push(...checked.problems)
    else documents.push(checked)
  })
  return { documents, problems }
}

function checkDocument(place: Place, value: unknown): CheckedDocument | { readonly problems: readonly ConfigurationProblem[] } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return {
      problems: [
        { ...place, path: '', message: 'is not a document of gitwake: it must be a mapping with apiVersion, kind, metadata and spec' },
      ],
    }
  }
  const kind: unknown = Reflect.get(value, 'kind')
  switch (kind) {
    case 'Repository':
      return check(place, value, kind, DOCUMENTS.Repository, (document) => ({ place, kind, document }))
    case 'Cluster':
      return check(place, value, kind, DOCUMENTS.Cluster, (document) => ({ place, kind, document }))
    case 'Application':
      return check(place, value, kind, DOCUMENTS.Application, (document) => ({ place, kind, document }))
    case 'Token':
      return check(place, value, kind, DOCUMENTS.Token, (document) => ({ place, kind, document }))
    case 'Login':
      return check(place, value, kind, DOCUMENTS.Login, (document) => ({ place, kind, document }))
    case 'People':
      return check(place, value, kind, DOCUMENTS.People, (document) => ({ place, kind, document }))
    default:
      return { problems: [{ ...place, path: 'kind', message: unknownKind(kind) }] }
  }
}

function check<Schema extends z.ZodType>(
  place: Place,
  value: object,
  kind: string,
  schema: Schema,
  accept: (document: z.infer<Schema>) => CheckedDocument,
): CheckedDocument | { readonly problems: readonly ConfigurationProblem[] } {
  const parsed = schema.safeParse(value)
  if (parsed.success) return accept(parsed.data)
  const subject = subjectOf(kind, value)
  return {
    problems: parsed.error.issues.flatMap((issue) => explain(issue, schema, value)).map((found) => ({ ...place, subject, ...found })),
  }
}

function subjectOf(kind: string, value: object): string {
  const metadata: unknown = Reflect.get(value, 'metadata')
  const name: unknown = typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'name') : undefined
  return typeof name === 'string' && name !== '' ? `${kind} ${name.slice(0, 80)}` : kind
}

const KINDS = new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(Object.keys(DOCUMENTS))

function unknownKind(kind: unknown): string {
  if (kind === undefined) return `is missing: it must be ${KINDS}`
  if (typeof kind !== 'string') return `must be ${KINDS}`
  return `"${kind.slice(0, 80)}" is not a kind of gitwake${suggestion(kind, Object.keys(DOCUMENTS))}`
}

function syntaxMessage(error: unknown): string {
  if (!(error instanceof YAMLException)) return `is not valid YAML (${error instanceof Error ? error.message : String(error)})`
  const place = error.mark === undefined ? '' : ` at line ${error.mark.line + 1}, column ${error.mark.column + 1}`
  return `is not valid YAML${place}: ${error.reason}`
}
