import { z } from 'zod'
import { RIGHTS } from '../../model/access.ts'

const patterns = (text: string) =>
  z
    .array(z.string().min(1).max(253))
    .min(1)
    .meta({ description: `${text} * stands for any text.`, default: ['*'] })

/** What a document lets those do whom it is about. */
export const grant = {
  allow: z.enum(RIGHTS).meta({
    description: 'read: look. sync: ask for syncs, too. operate: suspend, resume, confirm held plans and work on the queues, too.',
  }),
  applications: patterns('Names of the applications that it is about.').optional(),
  clusters: patterns('Names of the clusters whose applications it is about.').optional(),
}
