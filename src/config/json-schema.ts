import { z } from 'zod'
import { DOCUMENTS } from './schema/documents.ts'

/** The JSON Schema of one configuration document, for editors: generated from what the program itself checks. */
export function configurationJsonSchema(): string {
  const anyDocument = z.union(Object.values(DOCUMENTS))
  const schema = z.toJSONSchema(anyDocument, { target: 'draft-7', io: 'input', reused: 'inline' })
  const titled = {
    $schema: schema.$schema,
    $id: 'https://gitwake.dev/schema/v1/gitwake.schema.json',
    title: 'gitwake configuration document',
    oneOf: schema.anyOf,
  }
  return `${JSON.stringify(titled, null, 2)}\n`
}
