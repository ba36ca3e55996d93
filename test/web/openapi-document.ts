import { Ajv2020 } from 'ajv/dist/2020.js'
import { openApiDocument } from '../../src/web/openapi/document.ts'

interface Response {
  readonly content: Readonly<Record<string, { readonly schema?: object }>>
}

/** The parts of an OpenAPI document that a test looks at. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Response>> }>>>>
  readonly components: { readonly schemas: object }
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: unknown
}

export const document = openApiDocument() as Document

/**
 * Why an answer is not as the document tells it: [] where it is. Stricter than the document itself, which lets clients expect further
 * fields: what we answer, it must name.
 */
export function deviations(method: string, path: string, answer: Answer): readonly string[] {
  const response = document.paths[path]?.[method]?.responses[answer.status]
  if (response === undefined) return [`${method} ${path} answered ${answer.status}, of which the document says nothing`]
  const content = response.content[answer.type]
  if (content === undefined) return [`${method} ${path} ${answer.status} is ${answer.type}`]
  if (content.schema === undefined) return []
  const ajv = new Ajv2020({ allErrors: true, strict: false })
  const validate = ajv.compile({ ...closed(content.schema), components: closed(document.components) })
  if (validate(answer.body)) return []
  return (validate.errors ?? []).map(
    (error) => `${method} ${path} ${answer.status}${error.instancePath}: ${error.message} ${JSON.stringify(error.params)}`,
  )
}

/** Every object with named fields, and no word of others, admits no others. */
function closed(schema: object): object {
  return JSON.parse(
    JSON.stringify(schema, (_key, value: unknown) =>
      typeof value === 'object' && value !== null && 'properties' in value && !('additionalProperties' in value) && !isNames(value)
        ? { ...value, additionalProperties: false }
        : value,
    ),
  ) as object
}

/** A map of fields that has one called `properties`. */
function isNames(value: object): boolean {
  return !('type' in value)
}
