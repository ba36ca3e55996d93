import { z } from 'zod'
import * as schemas from './schemas.ts'

/** One answer: JSON of a schema, or text of a content type. */
export interface Told {
  readonly is: string
  readonly body?: z.ZodType
  readonly text?: string
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly is: string
  readonly schema: z.ZodType
}

export interface Operation {
  readonly id: string
  readonly method: 'get' | 'post'
  readonly path: string
  readonly is: string
  readonly parameters?: readonly Parameter[]
  readonly answers: Readonly<Record<number, Told>>
  /** `open`: needs no token, and never answers what the door of the API answers; `hook`: authenticated by a signature. */
  readonly door?: 'open' | 'hook'
}

const text = z.string()
const name: Parameter = { name: 'name', in: 'path', is: 'The application', schema: text }
const wait: Parameter = { name: 'wait', in: 'query', is: 'How long to wait for the answer, such as 60s; 10m at most', schema: text }
const query = (parameter: string, is: string, schema: z.ZodType = text): Parameter => ({ name: parameter, in: 'query', is, schema })

const revision = query('revision', 'A full commit id, as a hint: the wait ends with a result of it or of a later head of the branch')
const cluster = query('cluster', 'The cluster that it leaves, where it has left objects in several')
const key: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  is: 'Names a request that may be repeated: for 24 hours each repetition gets the same ticket',
  schema: text,
}

const UNKNOWN: Told = { is: 'There is nothing at this address', body: schemas.refused() }
const MALFORMED: Told = { is: 'The request is malformed', body: schemas.refused() }
const ASKED: Told = { is: 'Asked for; the ticket is what one may wait for', body: schemas.ticketed }

/** How a wait for a ticket ends. */
const WAITED = {
  200: { is: 'Done', body: schemas.answered },
  409: { is: 'Held until a person confirms the plan, or suspended', body: schemas.unanswered },
  422: { is: 'The commit is at fault; the reasons say what to correct', body: schemas.unanswered },
  504: { is: 'Not done in time; the sync goes on', body: schemas.refused({ ticket: schemas.ticket }) },
} as const

const MAY_NOT_LEAVE: Told = {
  is: 'It is configured, has left objects in several clusters, or is held until a person confirms the plan',
  body: z.union([schemas.unanswered, schemas.refused()]),
}

/** Every route below `/api` and `/hooks`, and those for machines. */
export const OPERATIONS: readonly Operation[] = [
  {
    id: 'listApplications',
    method: 'get',
    path: '/api/applications',
    is: 'The status of every application',
    answers: { 200: { is: 'In the order of the configuration', body: z.object({ applications: z.array(schemas.applicationStatus) }) } },
  },
  {
    id: 'getApplication',
    method: 'get',
    path: '/api/applications/{name}',
    is: 'The status of an application',
    parameters: [name],
    answers: { 200: { is: 'Its status', body: schemas.applicationStatus }, 400: MALFORMED, 404: UNKNOWN },
  },
  {
    id: 'getHistory',
    method: 'get',
    path: '/api/applications/{name}/history',
    is: 'The results of an application',
    parameters: [name, query('limit', 'How many; 20 where it is not given', z.int().min(1).max(500))],
    answers: {
      200: { is: 'Newest first', body: z.object({ application: text, results: z.array(schemas.syncResult) }) },
      400: MALFORMED,
      404: UNKNOWN,
    },
  },
  {
    id: 'getPlan',
    method: 'get',
    path: '/api/applications/{name}/plan',
    is: 'What a sync would do, without doing it',
    parameters: [
      name,
      query('ref', 'A branch or tag'),
      query('revision', 'A commit that is, or was lately, the head of a branch'),
      query('pull', 'A pull request, where the application allows it', z.int()),
      query('since', 'Asks for nothing new: the plan of an earlier request'),
      wait,
    ],
    answers: {
      200: { is: 'The plan', body: schemas.planReport },
      202: { is: 'Asked for, and where to find it', body: z.object({ application: text, since: z.int(), location: text }) },
      400: MALFORMED,
      404: UNKNOWN,
      422: { is: 'There is no plan, because of the commit', body: schemas.planReport.extend({ error: schemas.refusal }) },
    },
  },
  {
    id: 'sync',
    method: 'post',
    path: '/api/applications/{name}/sync',
    is: 'Asks for a sync',
    parameters: [name, wait, revision, query('confirm', 'Digest of a held plan that shall be carried out'), key],
    answers: {
      202: ASKED,
      ...WAITED,
      400: MALFORMED,
      404: UNKNOWN,
      409: {
        is: 'Held until a person confirms the plan, or suspended; without a result: what was confirmed is not what is held now',
        body: z.union([schemas.unanswered, schemas.refused()]),
      },
      422: {
        is: 'The commit is at fault, or the key was used for another request',
        body: z.union([schemas.unanswered, schemas.refused()]),
      },
    },
  },
  {
    id: 'getTicket',
    method: 'get',
    path: '/api/applications/{name}/tickets/{wanted}',
    is: 'Goes on waiting for a ticket',
    parameters: [name, { name: 'wanted', in: 'path', is: 'The number of the ticket', schema: z.int() }, wait, revision],
    answers: { ...WAITED, 400: MALFORMED, 404: UNKNOWN },
  },
  {
    id: 'listOrphans',
    method: 'get',
    path: '/api/orphans',
    is: 'What clusters still carry of applications that the configuration does not have there any more',
    answers: { 200: { is: 'As the last sweeps found it', body: z.object({ orphans: z.array(schemas.orphan) }) } },
  },
  {
    id: 'getDepartureTicket',
    method: 'get',
    path: '/api/orphans/{cluster}/{name}/tickets/{wanted}',
    is: 'Goes on waiting for the ticket of a detach or a deletion',
    parameters: [
      { name: 'cluster', in: 'path', is: 'The cluster that it leaves', schema: text },
      name,
      { name: 'wanted', in: 'path', is: 'The number of the ticket', schema: z.int() },
      wait,
    ],
    answers: { ...WAITED, 400: MALFORMED, 404: UNKNOWN },
  },
  {
    id: 'detach',
    method: 'post',
    path: '/api/applications/{name}/detach',
    is: 'Lets go of an orphan or a suspended application: its objects stay, without the marks of gitwake',
    parameters: [name, cluster, wait],
    answers: { 202: ASKED, ...WAITED, 409: MAY_NOT_LEAVE, 400: MALFORMED, 404: UNKNOWN },
  },
  {
    id: 'delete',
    method: 'post',
    path: '/api/applications/{name}/delete',
    is: 'Deletes the objects of an orphan, inside the budget that it had',
    parameters: [name, cluster, query('confirm', 'Digest of a held plan that shall be carried out'), wait],
    answers: { 202: ASKED, ...WAITED, 409: MAY_NOT_LEAVE, 400: MALFORMED, 404: UNKNOWN },
  },
  {
    id: 'suspend',
    method: 'post',
    path: '/api/applications/{name}/suspend',
    is: 'Stops an application until further notice',
    parameters: [name, query('by', 'Who says so'), query('reason', 'Why')],
    answers: { 202: { is: 'Suspended', body: schemas.suspension }, 400: MALFORMED, 404: UNKNOWN },
  },
  {
    id: 'resume',
    method: 'post',
    path: '/api/applications/{name}/resume',
    is: 'Lets a suspended application go on',
    parameters: [name, query('by', 'Who says so'), query('reason', 'Why'), wait],
    answers: {
      202: ASKED,
      ...WAITED,
      400: MALFORMED,
      404: UNKNOWN,
      409: { is: 'Suspended by the configuration, or held', body: z.union([schemas.unanswered, schemas.refused()]) },
    },
  },
  {
    id: 'rollback',
    method: 'post',
    path: '/api/applications/{name}/rollback',
    is: 'Goes back to an earlier revision, and stays there until the branch moves on',
    parameters: [name, query('to', 'A commit that the branch had'), query('by', 'Who says so'), query('reason', 'Why'), wait],
    answers: {
      202: { is: 'Rolled back with this ticket', body: schemas.rollback },
      ...WAITED,
      400: MALFORMED,
      404: UNKNOWN,
      409: { is: 'The revision is the head, or held or suspended', body: z.union([schemas.unanswered, schemas.refused()]) },
    },
  },
  {
    id: 'unpin',
    method: 'post',
    path: '/api/applications/{name}/unpin',
    is: 'Ends a rollback by hand',
    parameters: [name, query('by', 'Who says so'), query('reason', 'Why'), wait],
    answers: { 202: ASKED, ...WAITED, 400: MALFORMED, 404: UNKNOWN },
  },
  {
    id: 'getCommit',
    method: 'get',
    path: '/api/commits/{sha}',
    is: 'What has become of a commit, in every application and cluster',
    parameters: [{ name: 'sha', in: 'path', is: 'The commit id, or at least its first 7 digits', schema: text }],
    answers: {
      200: { is: 'Every application of its repository', body: schemas.commitReport },
      400: MALFORMED,
      404: UNKNOWN,
      422: { is: 'More than one commit begins with these digits: the reasons name them', body: schemas.refused() },
    },
  },
  {
    id: 'getDelivery',
    method: 'get',
    path: '/api/deliveries/{id}',
    is: 'What has become of a webhook delivery',
    parameters: [{ name: 'id', in: 'path', is: 'As the provider names it', schema: text }],
    answers: { 200: { is: 'Its outcome per application', body: schemas.deliveryRecord }, 404: UNKNOWN },
  },
  {
    id: 'getAudit',
    method: 'get',
    path: '/api/audit',
    is: 'The audit log as JSON lines, oldest first; the first line may tell what was cut off before',
    parameters: [
      query('since', 'A duration such as 24h, or a moment in ISO 8601'),
      query('after', 'The number of an entry: those after it', z.int()),
      query('application', 'What concerns this application'),
    ],
    answers: { 200: { is: 'One entry a line', text: 'application/jsonl' }, 400: MALFORMED },
  },
  {
    id: 'getEvents',
    method: 'get',
    path: '/api/events',
    is: 'Server-sent events: `ready`, then `change` whenever a status is no longer what it was',
    answers: { 200: { is: 'A stream', text: 'text/event-stream' } },
  },
  {
    id: 'getDocument',
    method: 'get',
    path: '/api/openapi.json',
    is: 'This document',
    answers: { 200: { is: 'OpenAPI 3.1', body: z.looseObject({ openapi: text }) } },
  },
  {
    id: 'getMe',
    method: 'get',
    path: '/api/me',
    is: 'Whose request this is, and what they may do',
    answers: { 200: { is: 'A person, or a token', body: schemas.me } },
  },
  {
    id: 'getMetrics',
    method: 'get',
    path: '/metrics',
    is: 'Figures for Prometheus',
    answers: { 200: { is: 'Its text format', text: 'text/plain' } },
  },
  {
    id: 'getLiveness',
    method: 'get',
    path: '/healthz',
    is: 'Whether the process answers',
    door: 'open',
    answers: { 200: { is: 'It does', body: z.object({ status: z.literal('alive'), uptimeSeconds: z.int() }) } },
  },
  {
    id: 'getReadiness',
    method: 'get',
    path: '/readyz',
    is: 'Whether requests should come here',
    door: 'open',
    answers: { 200: { is: 'They should', body: schemas.readiness }, 503: { is: 'They should not', body: schemas.readiness } },
  },
  ...(['/hooks/{provider}', '/hooks/{provider}/{repository}'] as const).map((path): Operation => {
    const provider: Parameter = { name: 'provider', in: 'path', is: 'Who calls, such as github', schema: text }
    const repository: Parameter = { name: 'repository', in: 'path', is: 'A repository with a secret of its own', schema: text }
    return {
      id: path.includes('repository') ? 'receiveFor' : 'receive',
      method: 'post',
      path,
      is: 'Takes a webhook delivery, signed as its provider signs',
      door: 'hook',
      parameters: path.includes('repository') ? [provider, repository] : [provider],
      answers: {
        200: { is: 'Authentic, and known already or nothing to do', body: schemas.accepted },
        202: { is: 'Written down; the tickets are what one may wait for', body: schemas.accepted },
        400: MALFORMED,
        401: { is: 'Not authentic, or no such receiver', body: schemas.refused() },
        408: { is: 'The body did not arrive in time', body: schemas.refused() },
        413: { is: 'Larger than a delivery can be', body: schemas.refused() },
        415: { is: 'Not JSON', body: schemas.refused() },
      },
    }
  }),
]

/** What the door of the API answers, whatever was asked for. */
export const DOOR: Readonly<Record<number, Told>> = {
  401: { is: 'A valid token is needed, or the session of somebody who logged in', body: schemas.refused() },
  429: { is: 'Too many failures from this address; Retry-After says when to try again', body: schemas.refused() },
  500: { is: 'A bug in gitwake', body: schemas.refused() },
  503: {
    is: 'Redis is away, neither token nor login is configured, or too much is asked for at once; nothing was promised',
    body: z.looseObject({ error: schemas.refusal }),
  },
}
/** A token without the right, or a request that a browser makes on behalf of another site. */
export const FOREIGN: Told = { is: 'The token has no right to it, or the request was made by another site', body: schemas.refused() }
