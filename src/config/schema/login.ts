import { z } from 'zod'
import { grant } from './grant.ts'
import { document, duration, secretReference } from './fields.ts'

const members = (text: string, pattern?: RegExp) =>
  z
    .array(pattern === undefined ? z.string().min(1).max(500) : z.string().max(254).regex(pattern))
    .min(1)
    .meta({ description: text })

export const loginDocument = document(
  'Login',
  'An OpenID Connect provider at which people log in. It opens nothing by itself: People documents do.',
  63,
  z.strictObject({
    title: z
      .string()
      .min(1)
      .max(60)
      .meta({ description: 'What the login page calls it; its name where this is missing.', examples: ['Acme SSO'] })
      .optional(),
    issuer: z
      .string()
      .min(1)
      .meta({
        description: 'The issuer, exactly as the provider names itself in its discovery document.',
        examples: ['https://keycloak.example.org/realms/acme'],
      }),
    clientId: z.string().min(1).max(500).meta({ description: 'The client that was registered there for gitwake.' }),
    clientSecretFrom: secretReference(
      'The secret of the client; missing for a public client. It also seals the sessions: without one, who can write to Redis can make a session.',
    ).optional(),
    clientAuthentication: z
      .enum(['basic', 'post'])
      .meta({ description: 'How the secret is sent, where the provider takes only one way; otherwise what it says is used.' })
      .optional(),
    publicUrl: z
      .string()
      .min(1)
      .meta({
        description:
          'gitwake as browsers reach it. Register PUBLICURL/login/NAME/callback there as redirect URI, and PUBLICURL/login for after a logout.',
        examples: ['https://gitwake.example.org'],
      }),
    scopes: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/))
      .meta({ description: 'What is asked for besides openid.', default: ['profile', 'email'], examples: [['profile', 'email', 'groups']] })
      .optional(),
    groupsClaim: z
      .string()
      .min(1)
      .max(200)
      .meta({ description: 'The claim that lists the groups of somebody.', default: 'groups' })
      .optional(),
    sessionLifetime: duration('When a session ends, however busy it is.', '12h').optional(),
    idleTimeout: duration('When a session ends that nobody uses.', '2h').optional(),
    allowInsecure: z
      .boolean()
      .meta({ description: 'Opens plain http and this machine itself as issuer and publicUrl, for tests and demos.', default: false })
      .optional(),
  }),
)

export const peopleDocument = document(
  'People',
  'A right for some of the people of a Login: for everybody whom one of its lists names.',
  63,
  z
    .strictObject({
      login: z.string().min(1).meta({ description: 'Name of a Login: a group is one of that provider.' }),
      groups: members('Names of groups, exactly as the provider sends them.').optional(),
      emails: members(
        'E-mail addresses that the provider has verified; *@example.org is everybody there.',
        /^[^@\s]+@[^@\s*?[\]\\]+$/,
      ).optional(),
      subjects: members('Values of the claim sub.').optional(),
      everybody: z.literal(true).meta({ description: 'Everybody who can log in there.' }).optional(),
      ...grant,
    })
    .meta({ anyOf: [{ required: ['groups'] }, { required: ['emails'] }, { required: ['subjects'] }, { required: ['everybody'] }] }),
)

export type LoginDocument = z.infer<typeof loginDocument>
export type PeopleDocument = z.infer<typeof peopleDocument>
