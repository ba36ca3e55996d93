import { z } from 'zod'
import { gitwakeVersion } from '../../version.ts'
import { DOOR, FOREIGN, OPERATIONS, type Operation, type Parameter, type Told } from './operations.ts'

/** The OpenAPI 3.1 document of everything that `serve` answers to programs. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {}
  const components: Record<string, unknown> = {}
  for (const operation of OPERATIONS) (paths[operation.path] ??= {})[operation.method] = describe(operation, components)
  return {
    openapi: '3.1.0',
    info: {
      title: 'gitwake',
      version: gitwakeVersion(),
      summary: 'GitOps that wakes on a push',
      description: 'Clients ignore fields that they do not know: further ones may come.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { basic: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API token, or one of an issuer that a Token document names' },
        basic: { type: 'http', scheme: 'basic', description: 'For browsers: an API token as password, with any user name' },
        session: { type: 'apiKey', in: 'cookie', name: '__Host-gitwake', description: 'Of a person who logged in, in a browser' },
      },
      schemas: Object.fromEntries(Object.entries(components).toSorted(([one], [other]) => (one < other ? -1 : 1))),
    },
  }
}

function describe({ id, is, method, parameters = [], answers, door }: Operation, components: Record<string, unknown>): object {
  const atTheDoor = door === 'open' ? {} : door === 'hook' ? { 429: DOOR[429], 500: DOOR[500], 503: DOOR[503] } : { ...DOOR, 403: FOREIGN }
  const responses = Object.entries({ ...atTheDoor, ...answers } satisfies Record<string, Told | undefined>)
  return {
    operationId: id,
    summary: is,
    ...(parameters.length > 0 && { parameters: parameters.map((parameter) => parameterOf(parameter, components)) }),
    ...(method === 'post' && door === 'hook' && { requestBody: { required: true, content: { 'application/json': {} } } }),
    responses: Object.fromEntries(responses.flatMap(([status, told]) => (told ? [[status, responseOf(told, components)]] : []))),
    ...(door !== undefined && { security: [] }),
  }
}

function parameterOf({ name, in: place, is, schema }: Parameter, components: Record<string, unknown>): object {
  return { name, in: place, required: place === 'path', description: is, schema: schemaOf(schema, components) }
}

function responseOf({ is, body, text }: Told, components: Record<string, unknown>): object {
  const content = body === undefined ? { [text ?? 'text/plain']: {} } : { 'application/json': { schema: schemaOf(body, components) } }
  return { description: is, content }
}

/** JSON Schema of a schema; what has a name stands in the components, once. */
function schemaOf(schema: z.ZodType, components: Record<string, unknown>): object {
  const { $schema: _dialect, $defs = {}, ...own } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override: withoutBounds })
  const repoint = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value, (key, item: unknown) =>
        key === '$ref' && typeof item === 'string' ? item.replace('#/$defs/', '#/components/schemas/') : item,
      ),
    )
  for (const [id, definition] of Object.entries($defs)) components[id] ??= repoint(withoutId(definition))
  const { id } = own
  if (typeof id !== 'string') return repoint(own) as object
  components[id] ??= repoint(withoutId(own))
  return { $ref: `#/components/schemas/${id}` }
}

/** That an integer is one that JavaScript can hold says nothing to anybody. */
function withoutBounds({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
}

/** Zod writes its own names into the schemas; the key of the component says it already. */
function withoutId({ id: _id, ...schema }: Readonly<Record<string, unknown>>): object {
  return schema
}
