import { z } from 'zod'
import { RIGHTS } from '../model/access.ts'
import { DNS_LABEL } from './decode.ts'

// The documents as they are written: the one source of the checks, of the JSON Schema and of the editor's completion.
// Nothing is transformed here; convert.ts makes the model from what has passed.

const duration = (text: string, initial: string) =>
  z
    .string()
    .regex(/^(?:0|(?:\d{1,9}(?:ms|s|m|h|d))+)$/)
    .meta({ description: `${text} A duration: 30s, 1m, 1h30m, 7d.`, default: initial })

const name = (most: number) => z.string().min(1).max(most).regex(DNS_LABEL).meta({ description: 'Lower-case letters, digits and hyphens.' })

const secretReference = (text: string) =>
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

function document<const Kind extends string, Spec extends z.ZodType>(kind: Kind, text: string, longestName: number, spec: Spec) {
  return z
    .strictObject({
      apiVersion: z.literal('gitwake.dev/v1'),
      kind: z.literal(kind),
      metadata: z.strictObject({ name: name(longestName) }),
      spec,
    })
    .meta({ description: text })
}

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

const expression = (text: string) =>
  z
    .string()
    .min(1)
    .max(2000)
    .meta({ description: `${text} A CEL expression over the object.` })

const healthExpressions = z.strictObject({
  group: z
    .string()
    .meta({ description: 'API group of the kind; empty for the core group.', default: '', examples: ['cert-manager.io'] })
    .optional(),
  kind: z
    .string()
    .min(1)
    .meta({ description: 'The kind.', examples: ['Certificate'] }),
  inProgress: expression('True while the object is on its way; asked first.').optional(),
  failed: expression('True where it will not get healthy by itself; asked second.').optional(),
  current: expression('True where it is healthy; asked last. Where nothing is true the object is in progress.').meta({
    examples: ["status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')"],
  }),
  message: expression('The sentence that is shown.').optional(),
})

const windowFields = {
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
const clusterWindow = z.strictObject({
  ...windowFields,
  applications: z
    .array(z.string().min(1).max(63))
    .meta({ description: 'Names of applications, with * for any characters; all where this is missing.', examples: [['shop-*']] })
    .optional(),
})

export const clusterDocument = document(
  'Cluster',
  'A destination: a Kubernetes cluster.',
  63,
  z
    .strictObject({
      kubeconfigFrom: secretReference('A kubeconfig; read again when it changes.').optional(),
      inCluster: z.literal(true).meta({ description: 'The cluster in which the worker itself runs, by its service account.' }).optional(),
      context: z
        .string()
        .min(1)
        .meta({ description: 'A context of the kubeconfig; its current-context where this is missing.' })
        .optional(),
      allowExec: z
        .boolean()
        .meta({ description: 'Lets the kubeconfig start programs (exec plugins). Only for a kubeconfig that you trust.', default: false })
        .optional(),
      sweepInterval: duration('How often to compare the whole cluster with what was applied.', '1m').optional(),
      auditInterval: duration('How often to dry-run every object, for what leaves no trace on it; 0 never.', '24h').optional(),
      requests: z
        .strictObject({
          perSecond: z.number().min(1).max(10_000).meta({ description: 'Requests per second in the long run.' }),
          burst: z
            .number()
            .int()
            .min(1)
            .max(10_000)
            .meta({ description: 'Requests at once; twice perSecond where this is missing.' })
            .optional(),
        })
        .meta({ description: 'How many requests a worker sends to this cluster; unlimited where this is missing.' })
        .optional(),
      watch: z.boolean().meta({ description: 'See drift at once, by watching metadata between sweeps.', default: true }).optional(),
      windows: z.array(clusterWindow).meta({ description: 'When syncs may write there; always where this is missing.' }).optional(),
      namespaces: z
        .array(name(63))
        .min(1)
        .meta({ description: 'The only namespaces to look at and to write to, where no right to the whole cluster is granted.' })
        .optional(),
      health: z
        .array(healthExpressions)
        .meta({ description: 'CEL expressions that judge the health of kinds, instead of what is built in.' })
        .optional(),
    })
    .meta({ oneOf: [{ required: ['kubeconfigFrom'] }, { required: ['inCluster'] }] }),
)

const ignoreRule = z.strictObject({
  group: z.string().meta({ description: 'API group; "" is the core group. Any where this is missing.' }).optional(),
  kind: z.string().min(1).meta({ description: 'Kind. Any where this is missing.' }).optional(),
  namespace: z.string().min(1).meta({ description: 'Namespace; * stands for any text.' }).optional(),
  name: z.string().min(1).meta({ description: 'Name; * stands for any text.' }).optional(),
  fields: z
    .array(z.string())
    .meta({
      description: 'JSON pointers. An item of a list is named by its key ([name=api]), by its place in Git (0), or * for all.',
      examples: [['/spec/replicas', '/webhooks/*/clientConfig/caBundle']],
    })
    .optional(),
  managers: z.array(z.string().min(1)).meta({ description: 'Only what these field managers hold; * stands for any text.' }).optional(),
})

const syncPolicy = z.strictObject({
  prune: z.boolean().meta({ description: 'Delete objects that were removed from Git.', default: true }).optional(),
  pruneBudget: z
    .strictObject({
      objects: z.int().min(0).max(1_000_000).meta({ description: 'So many objects.', default: 0 }).optional(),
      percent: z.number().min(0).max(100).meta({ description: 'So many percent of what the application owns.', default: 0 }).optional(),
      unlimited: z.literal(true).meta({ description: 'No limit at all; instead of the others.' }).optional(),
    })
    .meta({
      description:
        'What one sync may prune without being confirmed: the larger of the two; 5 objects or 30 percent where this is missing. 0: every prune waits.',
    })
    .optional(),
  selfHeal: z.boolean().meta({ description: 'Repair drift; false only reports it.', default: true }).optional(),
  partial: z.boolean().meta({ description: 'Apply what can be applied although another object was refused.', default: false }).optional(),
  preflight: z.boolean().meta({ description: 'Dry-run everything that changes before the first write.', default: true }).optional(),
  undeclared: z
    .enum(['report', 'remove'])
    .meta({ description: 'What happens to fields that somebody added to our objects.', default: 'report' })
    .optional(),
  ignore: z.array(ignoreRule).meta({ description: 'Fields that are left to whoever else sets them.' }).optional(),
  podLogs: z
    .boolean()
    .meta({ description: 'Show the last log lines of a container that fails, where the worker may read them.', default: true })
    .optional(),
  timeout: duration('How long everything before the wait for health may take.', '30m').optional(),
  retry: z
    .strictObject({
      limit: z.int().min(0).max(1000).meta({ description: 'Tries after the first; without end where this is missing.' }).optional(),
      backoff: z
        .strictObject({
          initial: duration('The first pause; it doubles each time.', '2s').optional(),
          max: duration('The longest pause.', '5m').optional(),
        })
        .optional(),
    })
    .meta({ description: 'How failures are tried again.' })
    .optional(),
  windows: z
    .array(z.strictObject(windowFields))
    .meta({ description: 'When it may write, besides what its cluster says; always where both are missing.' })
    .optional(),
  healthTimeout: duration('How long a sync waits for its objects to become healthy; 0 does not wait.', '5m').optional(),
  hookTimeout: duration('How long a sync waits for the end of one hook.', '10m').optional(),
})

export const applicationDocument = document(
  'Application',
  'One unit of sync: repository + ref + path → cluster + namespace.',
  50,
  z.strictObject({
    source: z.strictObject({
      repository: z.string().min(1).meta({ description: 'Name of a Repository.' }),
      ref: z
        .string()
        .min(1)
        .meta({
          description: 'A branch (main), a full ref (refs/tags/v1), or the newest tag of a range of versions (semver:>=1.2 <2).',
          examples: ['main', 'refs/tags/v1', 'semver:^1.2'],
        }),
      path: z.string().meta({ description: 'A folder of the repository; its root where this is missing.', default: '' }).optional(),
      pullRequestPlans: z
        .boolean()
        .meta({
          description: 'Allow plans of pull requests, which try manifests that nobody has reviewed against the cluster (dry-run).',
          default: false,
        })
        .optional(),
    }),
    destination: z.strictObject({
      cluster: z.string().min(1).meta({ description: 'Name of a Cluster.' }),
      namespace: name(63).meta({ description: 'The namespace of objects that name none.' }),
      createNamespace: z.boolean().meta({ description: 'Create the namespace where it is missing.', default: true }).optional(),
      serviceAccount: z
        .string()
        .max(253)
        .regex(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/)
        .meta({ description: "A service account of the namespace. Objects are written by its rights instead of the worker's." })
        .optional(),
    }),
    sync: syncPolicy.optional(),
    deletionPolicy: z
      .enum(['orphan', 'prune'])
      .meta({
        description:
          'What becomes of the objects when the application is removed from the configuration: they stay, or are deleted inside the budget.',
        default: 'orphan',
      })
      .optional(),
    renamedFrom: z
      .string()
      .min(1)
      .meta({
        description: 'The name that the application had before: the next sync takes over all that it owns there, and deletes nothing.',
      })
      .optional(),
    suspend: z.boolean().meta({ description: 'Stop it: nothing is applied, healed or pruned.', default: false }).optional(),
    suspendReason: z.string().min(1).max(500).meta({ description: 'Why it is suspended, for people.' }).optional(),
    dependsOn: z.array(z.string().min(1)).meta({ description: 'Applications that must be synced and healthy before this one.' }).optional(),
    images: z
      .array(z.string().min(1).max(400))
      .min(1)
      .max(100)
      .meta({
        description:
          'Images whose push, announced by a registry, makes gitwake compare every object with the cluster again; * stands for any text without a slash.',
        examples: [['ghcr.io/acme/shop', 'ghcr.io/acme/*:1.*']],
      })
      .optional(),
  }),
)

const patterns = (text: string) =>
  z
    .array(z.string().min(1).max(253))
    .min(1)
    .meta({ description: `${text} * stands for any text.`, default: ['*'] })

const grant = {
  allow: z.enum(RIGHTS).meta({
    description: 'read: look. sync: ask for syncs, too. operate: suspend, resume, confirm held plans and work on the queues, too.',
  }),
  applications: patterns('Names of the applications that it is about.').optional(),
  clusters: patterns('Names of the clusters whose applications it is about.').optional(),
}

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

export const DOCUMENTS = {
  Repository: repositoryDocument,
  Cluster: clusterDocument,
  Application: applicationDocument,
  Token: tokenDocument,
  Login: loginDocument,
  People: peopleDocument,
} as const

export type RepositoryDocument = z.infer<typeof repositoryDocument>
export type ClusterDocument = z.infer<typeof clusterDocument>
export type ApplicationDocument = z.infer<typeof applicationDocument>
export type TokenDocument = z.infer<typeof tokenDocument>
export type LoginDocument = z.infer<typeof loginDocument>
export type PeopleDocument = z.infer<typeof peopleDocument>
