import { z } from 'zod'
import { document, duration, secretReference } from './fields.ts'

export const repositoryDocument = document(
  'Repository',
  'A Git remote with its credentials, its webhook secret and its poll interval.',
  63,
  z.strictObject({
    url: z
      .string()
      .min(1)
      .meta({
        description: 'https://host/path.git, ssh://git@host/path.git or git@host:path.git; never with a password in it.',
        examples: ['https://github.com/acme/shop.git'],
      }),
    pollInterval: duration('How often to ask for a moved head, in case a webhook was lost.', '1m').optional(),
    allowInsecure: z
      .boolean()
      .meta({ description: 'Opens plain http, file, and hosts that are or lead to this machine or its link, for tests and demos.' })
      .optional(),
    credentials: z
      .strictObject({
        username: z.string().min(1).meta({ description: 'HTTP user name; most hosts take any with a token.', default: 'git' }).optional(),
        passwordFrom: secretReference('Password or access token.'),
      })
      .meta({ description: 'For private repositories over https.' })
      .optional(),
    ssh: z
      .strictObject({
        privateKeyFrom: secretReference('The private key, without a passphrase.'),
        knownHostsFrom: secretReference('The known_hosts lines of the Git host.'),
      })
      .meta({ description: 'For repositories over ssh.' })
      .optional(),
    webhookSecretFrom: secretReference("A secret of this repository's own, for /hooks/<provider>/<repository>.").optional(),
  }),
)

export type RepositoryDocument = z.infer<typeof repositoryDocument>
