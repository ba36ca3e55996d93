import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import type { JsonObject } from '../../src/model/json.ts'
import type { PullRequest } from '../../src/model/push.ts'
import { azure } from '../../src/webhook/azure.ts'
import { bitbucket } from '../../src/webhook/bitbucket.ts'
import { gitea } from '../../src/webhook/gitea.ts'
import { github } from '../../src/webhook/github.ts'
import { gitlab } from '../../src/webhook/gitlab.ts'
import { intentOf } from '../../src/webhook/intent.ts'
import type { Announcement, WebhookProvider } from '../../src/webhook/provider.ts'
import { checkoutRoot } from '../support/checkout.ts'

const sha = 'da1560886d4f094c3e6c9ef40349f7d38b5d27d7'
const fixture = (name: string): JsonObject =>
  JSON.parse(readFileSync(`${checkoutRoot}/test/fixtures/webhook/${name}.json`, 'utf8')) as JsonObject
const merge = (name: string, more: JsonObject): JsonObject => {
  const told = fixture(name)
  return { ...told, object_attributes: { ...(told.object_attributes as JsonObject), ...more } }
}

const githubSide = (ref: string, full_name: string): JsonObject => ({ ref, sha, repo: { full_name } })
const githubRequest = (more: JsonObject, pull: JsonObject = {}): JsonObject => ({
  action: 'opened',
  number: 7,
  pull_request: { merged: false, head: githubSide('topic', 'acme/shop'), base: githubSide('main', 'acme/shop'), ...pull },
  repository: {
    clone_url: 'https://github.com/acme/shop.git',
    ssh_url: 'git@github.com:acme/shop.git',
    html_url: 'https://github.com/acme/shop',
  },
  sender: { login: 'ada' },
  ...more,
})
const giteaRequest = (more: JsonObject, head: JsonObject = {}): JsonObject => ({
  action: 'opened',
  number: 7,
  pull_request: { merged: false, head: { ref: 'topic', sha, repo_id: 1, ...head }, base: { ref: 'main', sha, repo_id: 1 } },
  repository: { clone_url: 'https://gitea.example.com/acme/shop.git', ssh_url: null, html_url: null },
  sender: { login: 'ada' },
  ...more,
})
const cloudRequest = (full_name = 'acme/shop'): JsonObject => ({
  actor: { nickname: 'ada' },
  repository: { links: { html: { href: 'https://bitbucket.org/acme/shop' } } },
  pullrequest: {
    id: 7,
    source: { branch: { name: 'topic' }, commit: { hash: 'da1560886d4f' }, repository: { full_name } },
    destination: { branch: { name: 'main' }, commit: { hash: '33b55f7cb7e7' }, repository: { full_name: 'acme/shop' } },
  },
})
const centerRequest = (more: JsonObject = {}): JsonObject => ({
  actor: { name: 'ada' },
  pullRequest: {
    id: 7,
    fromRef: { id: 'refs/heads/topic', latestCommit: sha, repository: { id: 3 } },
    toRef: {
      id: 'refs/heads/main',
      latestCommit: sha,
      repository: { id: 3, links: { clone: [{ href: 'ssh://git@bitbucket.example.com:7999/acme/shop.git' }] } },
    },
  },
  ...more,
})
const azureRequest = (eventType: string, status = 'active', more: JsonObject = {}): JsonObject => ({
  eventType,
  resource: {
    pullRequestId: 7,
    status,
    sourceRefName: 'refs/heads/topic',
    targetRefName: 'refs/heads/main',
    lastMergeSourceCommit: { commitId: sha },
    repository: { remoteUrl: 'https://dev.azure.com/acme/Shop/_git/shop' },
    createdBy: { uniqueName: 'ada' },
    ...more,
  },
})

const common = { number: 7, source: 'refs/heads/topic', target: 'refs/heads/main', revision: sha, isFork: false, actor: 'ada' } as const
type Row = readonly [
  what: string,
  WebhookProvider,
  Readonly<Record<string, string>>,
  JsonObject,
  Partial<PullRequest> | 'nothing',
  reason?: RegExp,
]
const rows: readonly Row[] = [
  ['GitHub: opened', github, { 'x-github-event': 'pull_request' }, githubRequest({}), { action: 'opened' }],
  ['GitHub: reopened', github, { 'x-github-event': 'pull_request' }, githubRequest({ action: 'reopened' }), { action: 'opened' }],
  ['GitHub: pushed to', github, { 'x-github-event': 'pull_request' }, githubRequest({ action: 'synchronize' }), { action: 'updated' }],
  [
    'GitHub: another target',
    github,
    { 'x-github-event': 'pull_request' },
    githubRequest({ action: 'edited', changes: { base: {} } }),
    { action: 'updated' },
  ],
  [
    'GitHub: another title',
    github,
    { 'x-github-event': 'pull_request' },
    githubRequest({ action: 'edited', changes: { title: {} } }),
    'nothing',
  ],
  ['GitHub: labelled', github, { 'x-github-event': 'pull_request' }, githubRequest({ action: 'labeled' }), 'nothing'],
  ['GitHub: closed', github, { 'x-github-event': 'pull_request' }, githubRequest({ action: 'closed' }), { action: 'closed' }],
  [
    'GitHub: merged',
    github,
    { 'x-github-event': 'pull_request' },
    githubRequest({ action: 'closed' }, { merged: true }),
    { action: 'merged' },
  ],
  [
    'GitHub: from a fork',
    github,
    { 'x-github-event': 'pull_request' },
    githubRequest({}, { head: githubSide('topic', 'eve/shop') }),
    { isFork: true },
  ],
  [
    'GitHub: from a fork that is gone',
    github,
    { 'x-github-event': 'pull_request' },
    githubRequest({}, { head: { ref: 'topic', sha, repo: null } }),
    { isFork: true },
  ],
  [
    'GitHub: a branch that Git does not allow',
    github,
    { 'x-github-event': 'pull_request' },
    githubRequest({}, { head: githubSide('a..b', 'acme/shop') }),
    'nothing',
    /could not be read/u,
  ],
  [
    'GitLab: opened',
    gitlab,
    { 'x-gitlab-event': 'Merge Request Hook' },
    fixture('gitlab-merge-request'),
    { action: 'opened', number: 1, source: 'refs/heads/feature' },
  ],
  [
    'GitLab: pushed to',
    gitlab,
    { 'x-gitlab-event': 'Merge Request Hook' },
    merge('gitlab-merge-request', { action: 'update', oldrev: sha }),
    { action: 'updated', number: 1, source: 'refs/heads/feature' },
  ],
  [
    'GitLab: another title',
    gitlab,
    { 'x-gitlab-event': 'Merge Request Hook' },
    merge('gitlab-merge-request', { action: 'update' }),
    'nothing',
  ],
  [
    'GitLab: approved',
    gitlab,
    { 'x-gitlab-event': 'Merge Request Hook' },
    merge('gitlab-merge-request', { action: 'approved' }),
    'nothing',
  ],
  [
    'GitLab: merged, told of by a system hook',
    gitlab,
    { 'x-gitlab-event': 'System Hook' },
    merge('gitlab-merge-request', { action: 'merge' }),
    { action: 'merged', number: 1, source: 'refs/heads/feature' },
  ],
  [
    'GitLab: from a fork',
    gitlab,
    { 'x-gitlab-event': 'Merge Request Hook' },
    merge('gitlab-merge-request', { source_project_id: 16 }),
    { isFork: true, number: 1, source: 'refs/heads/feature' },
  ],
  ['Gitea: opened', gitea, { 'x-gitea-event': 'pull_request' }, giteaRequest({}), { action: 'opened' }],
  ['Gitea: pushed to', gitea, { 'x-gitea-event': 'pull_request_sync' }, giteaRequest({ action: 'synchronized' }), { action: 'updated' }],
  ['Forgejo: closed', gitea, { 'x-forgejo-event': 'pull_request' }, giteaRequest({ action: 'closed' }), { action: 'closed' }],
  ['Gitea: from a fork', gitea, { 'x-gitea-event': 'pull_request' }, giteaRequest({}, { repo_id: 2 }), { isFork: true }],
  [
    'Gitea: from a repository that is gone',
    gitea,
    { 'x-gitea-event': 'pull_request' },
    giteaRequest({}, { repo_id: null }),
    { isFork: true },
  ],
  // Its commits come by their first twelve digits: those name nothing that could be relied on.
  [
    'Bitbucket Cloud: opened',
    bitbucket,
    { 'x-event-key': 'pullrequest:created' },
    cloudRequest(),
    { action: 'opened', revision: undefined },
  ],
  [
    'Bitbucket Cloud: merged',
    bitbucket,
    { 'x-event-key': 'pullrequest:fulfilled' },
    cloudRequest(),
    { action: 'merged', revision: undefined },
  ],
  [
    'Bitbucket Cloud: declined',
    bitbucket,
    { 'x-event-key': 'pullrequest:rejected' },
    cloudRequest(),
    { action: 'closed', revision: undefined },
  ],
  [
    'Bitbucket Cloud: from a fork',
    bitbucket,
    { 'x-event-key': 'pullrequest:updated' },
    cloudRequest('eve/shop'),
    { isFork: true, revision: undefined },
  ],
  ['Bitbucket Cloud: approved', bitbucket, { 'x-event-key': 'pullrequest:approved' }, cloudRequest(), 'nothing', /does not use the event/u],
  ['Bitbucket Data Center: opened', bitbucket, { 'x-event-key': 'pr:opened' }, centerRequest(), { action: 'opened' }],
  ['Bitbucket Data Center: pushed to', bitbucket, { 'x-event-key': 'pr:from_ref_updated' }, centerRequest(), { action: 'updated' }],
  [
    'Bitbucket Data Center: another title',
    bitbucket,
    { 'x-event-key': 'pr:modified' },
    centerRequest({ previousTarget: { id: 'refs/heads/main' } }),
    'nothing',
  ],
  [
    'Bitbucket Data Center: another target',
    bitbucket,
    { 'x-event-key': 'pr:modified' },
    centerRequest({ previousTarget: { id: 'refs/heads/old' } }),
    { action: 'updated' },
  ],
  ['Azure: opened', azure, {}, azureRequest('git.pullrequest.created'), { action: 'opened' }],
  ['Azure: pushed to', azure, {}, azureRequest('git.pullrequest.updated'), { action: 'updated' }],
  ['Azure: merged', azure, {}, azureRequest('git.pullrequest.updated', 'completed'), { action: 'merged' }],
  ['Azure: abandoned', azure, {}, azureRequest('git.pullrequest.updated', 'abandoned'), { action: 'closed' }],
  ['Azure: a merge was only tried', azure, {}, azureRequest('git.pullrequest.merged'), 'nothing'],
  [
    'Azure: from a fork',
    azure,
    {},
    azureRequest('git.pullrequest.created', 'active', { forkSource: { name: 'refs/heads/topic' } }),
    { isFork: true },
  ],
]

const lookedFor = () => assert.fail('nobody is looked for')

for (const [what, provider, headers, payload, expected, reason = /neither the head nor the target/u] of rows) {
  test(`a pull request of ${what}`, () => {
    const told: Announcement = provider.decode(headers, payload)
    assert.ok('kind' in told)
    if (expected === 'nothing') return assert.match(told.kind === 'ignored' ? told.reason : '', reason)
    assert.ok(told.kind === 'pull request', JSON.stringify(told))
    const { kind: _kind, repositoryUrls, ...rest } = told
    assert.deepEqual(rest, { ...common, action: rest.action, ...expected })
    assert.ok(repositoryUrls.length > 0)
    const { targets, ignored } = intentOf(told, { targets: lookedFor, repositories: lookedFor }, undefined)
    assert.deepEqual(targets, [])
    assert.match(ignored ?? '', /starts nothing by itself \(gitwake plan APPLICATION --pull \d+ shows/u)
  })
}

test('every pull request among the examples of GitHub is read, or changes neither head nor target', () => {
  const require = createRequire(import.meta.url)
  const examples = require('@octokit/webhooks-examples/api.github.com/index.json') as readonly {
    name: string
    examples: readonly JsonObject[]
  }[]
  const actions = (examples.find(({ name }) => name === 'pull_request')?.examples ?? []).map((payload) => {
    const told = github.decode({ 'x-github-event': 'pull_request' }, payload)
    assert.ok('kind' in told)
    if (told.kind === 'ignored') assert.match(told.reason, /neither the head nor the target/u)
    return told.kind === 'pull request' ? told.action : ''
  })
  assert.deepEqual([...new Set(actions)].toSorted(), ['', 'closed', 'opened', 'updated'])
})

test('a pull request that cannot be read is no error of its sender: a refusal would count against the webhook', () => {
  for (const [, provider, headers, payload] of rows) {
    const { eventType } = payload
    const told = provider.decode(headers, { ...(eventType !== undefined && { eventType }), object_kind: 'merge_request' })
    assert.ok('kind' in told && told.kind === 'ignored')
  }
})
