import { z } from 'zod'
import { document, duration, name, secretReference, windowFields } from './fields.ts'

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

export type ClusterDocument = z.infer<typeof clusterDocument>
