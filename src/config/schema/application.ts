import { z } from 'zod'
import { document, duration, name, windowFields } from './fields.ts'

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

export type ApplicationDocument = z.infer<typeof applicationDocument>
