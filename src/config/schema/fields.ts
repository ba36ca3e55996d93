import { z } from 'zod'
import { DNS_LABEL } from '../decode.ts'

// What several documents are made of.

export const duration = (text: string, initial: string) =>
  z
    .string()
    .regex(/^(?:0|(?:\d{1,9}(?:ms|s|m|h|d))+)$/)
    .meta({ description: `${text} A duration: 30s, 1m, 1h30m, 7d.`, default: initial })

export const name = (most: number) =>
  z.string().min(1).max(most).regex(DNS_LABEL).meta({ description: 'Lower-case letters, digits and hyphens.' })

export const secretReference = (text: string) =>
  z
    .strictObject({
      env: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
        .meta({ description: 'Name of an environment variable.' })
        .optional(),
      file: z.string().min(1).meta({ description: 'Path of a file.' }).optional(),
    })
    .meta({ description: `${text} Where the secret stands, never its value.`, minProperties: 1, maxProperties: 1 })

export function document<const Kind extends string, Spec extends z.ZodType>(kind: Kind, text: string, longestName: number, spec: Spec) {
  return z
    .strictObject({
      apiVersion: z.literal('gitwake.dev/v1'),
      kind: z.literal(kind),
      metadata: z.strictObject({ name: name(longestName) }),
      spec,
    })
    .meta({ description: text })
}

export const windowFields = {
  kind: z.enum(['allow', 'deny']).meta({ description: 'Syncs may write only inside of allow windows, and never inside of deny windows.' }),
  schedule: z
    .string()
    .min(1)
    .max(100)
    .meta({ description: 'When it begins, as cron: minute, hour, day, month, weekday.', examples: ['0 22 * * 1-5'] }),
  duration: z
    .string()
    .regex(/^(?:0|(?:\d{1,9}(?:ms|s|m|h|d))+)$/)
    .meta({ description: 'How long it lasts. A duration: 30m, 8h, 2d.' }),
  timeZone: z
    .string()
    .min(1)
    .meta({ description: 'In which the schedule is meant.', default: 'UTC', examples: ['Europe/Berlin'] })
    .optional(),
  manual: z.boolean().meta({ description: 'Syncs by hand pass although this window closes.', default: false }).optional(),
}
