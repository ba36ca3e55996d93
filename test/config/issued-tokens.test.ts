import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { checkConfiguration, loadConfiguration } from '../../src/config/load.ts'
import { displayProblem } from '../../src/config/problem.ts'

const GITHUB = 'https://token.actions.githubusercontent.com'
const document = (oidc: string, name = 'ci', more = ''): string => `apiVersion: gitwake.dev/v1
kind: Token
metadata: {name: ${name}}
spec: {oidc: {${oidc}}, allow: sync${more}}
`
const of = (issuer: string, claims: string, more = ''): string => `issuer: "${issuer}", audience: gitwake, claims: {${claims}}${more}`

async function written(t: TestContext, ...documents: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gitwake-issued-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'gitwake.yaml'), documents.join('---\n'))
  return folder
}

async function problems(t: TestContext, ...documents: readonly string[]): Promise<string> {
  const checked = await checkConfiguration(await written(t, ...documents))
  return checked.valid ? '' : checked.problems.map(displayProblem).join('\n')
}

test('a Token may be those that an issuer signs: with what they must say, and for how long they count', async (t) => {
  const path = await written(
    t,
    document(of(GITHUB, '"sub": "repo:acme/shop:ref:refs/heads/main", environment: [staging, prod-*]')),
    document(of('https://gitlab.acme.example', 'project_path: acme/**', ', maxAge: 10m, jwksUri: "https://10.0.0.7/keys"'), 'gitlab'),
  )
  const { tokens } = await loadConfiguration(path)
  assert.deepEqual(tokens.get('ci')?.secret, {
    kind: 'issued',
    issuer: GITHUB,
    audience: 'gitwake',
    claims: { sub: ['repo:acme/shop:ref:refs/heads/main'], environment: ['staging', 'prod-*'] },
    maxAgeMs: 3_600_000,
    allowInsecure: false,
  })
  assert.deepEqual(tokens.get('gitlab')?.secret, {
    kind: 'issued',
    issuer: 'https://gitlab.acme.example',
    audience: 'gitwake',
    claims: { project_path: ['acme/**'] },
    maxAgeMs: 600_000,
    jwksUri: 'https://10.0.0.7/keys',
    allowInsecure: false,
  })
})

test('rules that let in more than anybody means are refused, with what to write', async (t) => {
  const rows: readonly (readonly [string, RegExp])[] = [
    [of('https://ci.example', ''), /Token ci: spec\.oidc\.claims: must name at least one claim, such as sub/],
    [of('https://ci.example', 'aud: gitwake'), /spec\.oidc\.claims: cannot name aud/],
    [of('https://ci.example', 'sub: "**"'), /spec\.oidc\.claims: must narrow sub/],
    [of('https://ci.example', 'sub: []'), /spec\.oidc\.claims: must narrow sub/],
    [of('https://ci.example', 'sub: [a, "*"]'), /spec\.oidc\.claims: must narrow sub/],
    [of('https://ci.example', 'sub: {a: b}'), /spec\.oidc\.claims\.sub: must be text or a list of text, not a mapping/],
    [
      of('https://ci.example', 'protected: true'),
      /spec\.oidc\.claims\.protected: must be text or a list of text, not boolean true: put it in quotes/,
    ],
    [of(GITHUB, 'ref: refs/heads/main'), /must say whose tokens these are, because anybody gets tokens of https:\/\/token\.actions/],
    [of(`${GITHUB}/`, 'ref: refs/heads/main'), /must say whose tokens these are/],
    [of(GITHUB, 'sub: "repo:*/shop:ref:refs/heads/main"'), /must say whose tokens these are/],
    [of(GITHUB, 'sub: "repo:acme*/shop:ref:refs/heads/main"'), /must say whose tokens these are/],
    [of(GITHUB, 'repository: [acme/shop, "*/shop"]'), /must say whose tokens these are/],
    [of(GITHUB, 'job_workflow_ref: acme/ci/.github/workflows/deploy.yml@refs/heads/main'), /must say whose tokens these are/],
    [of('https://gitlab.com', 'ref: main, ref_type: branch'), /must say whose tokens these are/],
    [of('https://gitlab.com', 'sub: "project_path:*"'), /must say whose tokens these are/],
    [of('https://agent.buildkite.com', 'pipeline_slug: shop'), /must say whose tokens these are/],
    [of('https://accounts.google.com', 'email_verified: "true"'), /must say whose tokens these are/],
    [of('https://app.terraform.io', 'terraform_run_phase: apply'), /must say whose tokens these are/],
    [of('http://ci.example', 'sub: x'), /spec\.oidc\.issuer: is http:\/\/: use https:\/\/, or allow it by spec\.oidc\.allowInsecure/],
    [of('https://2130706433', 'sub: x'), /spec\.oidc\.issuer: names this machine itself, .*spec\.oidc\.allowInsecure/],
    [of('ci.example', 'sub: x'), /spec\.oidc\.issuer: is not a URL/],
    [of('https://ci.example', 'sub: x', ', jwksUri: "https://169.254.169.254/keys"'), /spec\.oidc\.jwksUri: names this machine itself/],
    [of('https://ci.example', 'sub: x', ', maxAge: soon'), /spec\.oidc\.maxAge: must be a duration/],
    [of('https://ci.example', 'sub: x', ', maxAge: 60d'), /spec\.oidc\.maxAge: must be between 1s and 30d/],
    [of('https://ci.example', 'sub: x', ', audiences: x'), /spec\.oidc\.audiences: is not a field; did you mean "audience"/],
    ['issuer: "https://ci.example", claims: {sub: x}', /spec\.oidc\.audience: is missing/],
  ]
  for (const [oidc, told] of rows) assert.match(await problems(t, document(oidc)), told, oidc)
  assert.doesNotMatch(await problems(t, document(of('http://ci.example', 'sub: x'))), /jwksUri/u)
  assert.match(
    await problems(t, document(of('https://ci.example', 'sub: x'), 'ci', `, hash: "sha256:${'0a'.repeat(32)}"`)),
    /spec: must have exactly one of hash/,
  )
})

test('whose tokens they are can be said in each of the ways that an issuer offers', async (t) => {
  const rows: readonly (readonly [issuer: string, claims: string])[] = [
    [GITHUB, 'sub: "repo:acme/*:environment:prod"'],
    [GITHUB, 'repository: acme/shop, ref: refs/heads/main'],
    [GITHUB, 'repository_owner_id: "1234", ref: refs/heads/main'],
    ['https://gitlab.com', 'project_path: acme/shop, ref_protected: "true"'],
    ['https://gitlab.com', 'sub: "project_path:acme/shop:ref_type:branch:ref:main"'],
    ['https://agent.buildkite.com', 'organization_slug: acme, pipeline_slug: shop, build_branch: main'],
    ['https://accounts.google.com', 'email: deployer@shop.iam.gserviceaccount.com, email_verified: "true"'],
    ['https://app.terraform.io', 'sub: "organization:acme:project:shop:workspace:prod:run_phase:*"'],
    ['https://oidc.circleci.com/org/0f0b2b5e-1111-2222-3333-444455556666', '"oidc.circleci.com/project-id": 9a9b'],
    ['https://kubernetes.default.svc.cluster.local', 'sub: "system:serviceaccount:ci:deployer"'],
  ]
  for (const [issuer, claims] of rows) assert.equal(await problems(t, document(of(issuer, claims))), '', claims)
})

test('an issuer may stand in several documents, as long as they agree on where its keys are', async (t) => {
  const one = document(of('https://ci.example', 'sub: x'))
  assert.equal(await problems(t, one, document(of('https://ci.example', 'sub: x'), 'cd', ', applications: [b]')), '')
  assert.match(
    await problems(t, one, document(of('https://ci.example', 'sub: x', ', jwksUri: "https://ci.example/keys"'), 'cd')),
    /Token cd: spec\.oidc\.jwksUri: must be as in Token ci: an issuer has one set of keys/,
  )
})
