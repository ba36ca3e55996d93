import { z } from 'zod'
import { grant } from './grant.ts'
import { document, duration, secretReference } from './fields.ts'

const claimPattern = z.string().min(1).max(500)

const issuedTokens = z
  .strictObject({
    issuer: z
      .string()
      .min(1)
      .max(500)
      .meta({
        description: 'The issuer, as its tokens name it (iss).',
        examples: ['https://token.actions.githubusercontent.com', 'https://gitlab.com'],
      }),
    audience: z
      .string()
      .min(1)
      .max(500)
      .meta({
        description: 'For whom the tokens are made (aud): this gitwake, and nobody else.',
        examples: ['https://gitwake.example.org'],
      }),
    claims: z.record(z.string().min(1).max(200), z.union([claimPattern, z.array(claimPattern)])).meta({
      description:
        'What the tokens must say, all of it. * stands for any characters but / and :, ** for any at all; of several patterns one must match.',
      examples: [{ sub: 'repo:acme/shop:ref:refs/heads/main' }],
    }),
    maxAge: duration('How old a token may be, however long its issuer lets it live.', '1h').optional(),
    jwksUri: z
      .string()
      .min(1)
      .max(500)
      .meta({ description: "Where the issuer's keys are; found by discovery where this is missing." })
      .optional(),
    allowInsecure: z
      .boolean()
      .meta({ description: 'Opens plain http and issuers on this machine or its link, for tests and demos.' })
      .optional(),
  })
  .meta({ description: 'Tokens that a CI system or a cluster makes for its own jobs (OpenID Connect), instead of one that we made.' })

export const tokenDocument = document(
  'Token',
  'A token for the API, for one program or person. `gitwake token` makes one; those of CI systems are named by `oidc`.',
  63,
  z
    .strictObject({
      hash: z
        .string()
        .regex(/^sha256:[0-9a-f]{64}$/)
        .meta({ description: 'sha256: and the SHA-256 of a random token, in hex. Only whoever has the token can make it.' })
        .optional(),
      tokenFrom: secretReference('The token itself, of at least 22 random characters.').optional(),
      oidc: issuedTokens.optional(),
      ...grant,
      expires: z
        .string()
        .regex(/^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?Z)?$/)
        .meta({ description: 'A day or a time in UTC from which on the token opens nothing.', examples: ['2027-01-31'] })
        .optional(),
    })
    .meta({ oneOf: [{ required: ['hash'] }, { required: ['tokenFrom'] }, { required: ['oidc'] }] }),
)

export type TokenDocument = z.infer<typeof tokenDocument>
