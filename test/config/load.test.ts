import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { checkConfiguration, loadConfiguration } from '../../src/config/load.ts'
import { displayProblem } from '../../src/config/problem.ts'
import { GitwakeError } from '../../src/model/error.ts'

const REPOSITORY = `apiVersion: gitwake.dev/v1
kind: Repository
metadata: {name: shop}
spec: {url: https://github.com/acme/shop.git, pollInterval: 1m}
`
const CLUSTER = `apiVersion: gitwake.dev/v1
kind: Cluster
metadata: {name: prod}
spec: {kubeconfigFrom: {file: /etc/gitwake/prod.kubeconfig}}
`
const application = (
  name: string,
  spec = '',
  source = 'repository: shop, ref: main, path: overlays/prod',
): string => `apiVersion: gitwake.dev/v1
kind: Application
metadata: {name: ${name}}
spec:
  source: {${source}}
  destination: {cluster: prod, namespace: ${name}}
${spec}`
const HASH = `sha256:${'0a'.repeat(32)}`
const token = (name: string, spec: string): string => `apiVersion: gitwake.dev/v1
kind: Token
metadata: {name: ${name}}
spec: {${spec}}
`
const login = (spec = ''): string => `apiVersion: gitwake.dev/v1
kind: Login
metadata: {name: acme}
spec: {issuer: "https://id.example.org/realms/acme", clientId: gitwake, publicUrl: "https://gitwake.example.org"${spec}}
`
const people = (spec: string): string => `apiVersion: gitwake.dev/v1
kind: People
metadata: {name: team}
spec: {${spec}}
`
const whole = (...documents: string[]): string => documents.join('---\n')

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gitwake-config-'))
})
after(() => rm(folder, { recursive: true, force: true }))

let count = 0
async function write(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const root = join(folder, String(++count))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), text)
  }
  return root
}
async function problems(text: string | Buffer): Promise<string> {
  const root = await write({ 'gitwake.yaml': text })
  const checked = await checkConfiguration(root)
  return checked.valid ? '' : checked.problems.map(displayProblem).join('\n')
}

describe('a configuration', () => {
  test('joins people to the provider at which they log in, with the defaults of both', async () => {
    const root = await write({
      'a.yaml': people("login: acme, groups: [shop], emails: ['*@example.org'], allow: sync, applications: ['shop-*']"),
      'b.yaml': login(', clientSecretFrom: {env: ACME}, scopes: [openid, groups, groups]'),
    })
    assert.deepEqual((await loadConfiguration(root)).logins.get('acme'), {
      name: 'acme',
      title: 'acme',
      issuer: 'https://id.example.org/realms/acme',
      clientId: 'gitwake',
      clientSecretFrom: { env: 'ACME' },
      publicOrigin: 'https://gitwake.example.org',
      scopes: ['openid', 'groups'],
      groupsClaim: 'groups',
      allowInsecure: false,
      lifetimeMs: 43_200_000,
      idleMs: 7_200_000,
      people: [
        {
          name: 'team',
          groups: ['shop'],
          emails: ['*@example.org'],
          subjects: [],
          everybody: false,
          grant: { allow: 'sync', applications: ['shop-*'], clusters: ['*'] },
        },
      ],
    })
  })

  test('of one file becomes the model, with every default', async () => {
    const root = await write({ 'gitwake.yaml': whole(REPOSITORY, CLUSTER, application('shop-prod')) })
    const configuration = await loadConfiguration(join(root, 'gitwake.yaml'), 7)
    assert.equal(configuration.version, 7)
    assert.deepEqual(configuration.applications.get('shop-prod'), {
      name: 'shop-prod',
      source: { repository: 'shop', ref: 'refs/heads/main', path: 'overlays/prod' },
      destination: { cluster: 'prod', namespace: 'shop-prod', createNamespace: true },
      sync: {
        prune: true,
        selfHeal: true,
        partial: false,
        preflight: true,
        undeclared: 'report',
        podLogs: true,
        healthTimeoutMs: 300_000,
        hookTimeoutMs: 600_000,
        timeoutMs: 1_800_000,
      },
      dependsOn: [],
    })
    assert.deepEqual(configuration.clusters.get('prod'), {
      name: 'prod',
      connection: { kind: 'kubeconfig', kubeconfigFrom: { file: '/etc/gitwake/prod.kubeconfig' }, allowExec: false },
      sweepIntervalMs: 60_000,
      auditIntervalMs: 86_400_000,
      watch: true,
    })
    assert.deepEqual(configuration.repositories.get('shop'), {
      name: 'shop',
      url: 'https://github.com/acme/shop.git',
      pollIntervalMs: 60_000,
      allowInsecure: false,
    })
    assert.ok(Object.isFrozen(configuration.applications.get('shop-prod')?.sync))
  })

  test('of a folder is read whole: documents may refer to each other across files, hidden names are left out', async () => {
    const root = await write({
      'repositories/shop.yml': REPOSITORY,
      'clusters.yaml': CLUSTER,
      'applications.yaml': whole('', application('a'), '# only a comment\n', application('b')),
      '..data/broken.yaml': 'kind: [',
      'README.md': '# not a configuration',
    })
    const configuration = await loadConfiguration(root)
    assert.deepEqual([...configuration.applications.keys()], ['a', 'b'])
  })

  test('is refused as a whole, with every problem at once, each with file, document and path', async () => {
    const root = await write({
      'a.yaml': whole(REPOSITORY.replace('pollInterval', 'polInterval'), CLUSTER),
      'b.yaml': whole(
        application('one', '  sync: {prune: "yes"}\n'),
        application('two', '  dependsOn: [thre]\n'),
        application('three', '', 'repository: shp, ref: main'),
      ),
    })
    await assert.rejects(loadConfiguration(root), (error: unknown) => {
      assert.ok(error instanceof GitwakeError)
      assert.equal(error.code, 'configuration-invalid')
      assert.match(
        error.message,
        /a\.yaml \(document 1\), Repository shop: spec\.polInterval: is not a field; did you mean "pollInterval"\?/,
      )
      assert.match(error.message, /b\.yaml \(document 1\), Application one: spec\.sync\.prune: must be true or false, not text/)
      assert.match(
        error.message,
        /b\.yaml \(document 2\), Application two: spec\.dependsOn\[0\]: there is no Application "thre"; did you mean "three"\?/,
      )
      assert.match(error.message, /b\.yaml \(document 3\), Application three: spec\.source\.repository: there is no Repository "shp"/)
      return true
    })
  })

  test('does not call a name missing whose own document is merely wrong', async () => {
    const told = await problems(whole(REPOSITORY.replace('https://', 'ftp://'), CLUSTER, application('a')))
    assert.match(told, /spec\.url/)
    assert.doesNotMatch(told, /there is no/)
  })

  const judging = (health: string): string =>
    whole(REPOSITORY, CLUSTER.replace('prod.kubeconfig}}', `prod.kubeconfig}, health: [{group: acme.example, kind: Widget, ${health}}]}`))

  const windowed = (windows: string): string =>
    whole(REPOSITORY, CLUSTER.replace('prod.kubeconfig}}', `prod.kubeconfig}, windows: [${windows}]}`))

  test('may say when syncs write, with the schedule in a time zone', async () => {
    const window = 'kind: deny, schedule: "0 8 * * 1-5", duration: 10h, timeZone: Europe/Berlin, applications: [shop-*]'
    const { clusters } = await loadConfiguration(await write({ 'gitwake.yaml': windowed(`{${window}}`) }))
    const expected = { kind: 'deny', schedule: '0 8 * * 1-5', durationMs: 36_000_000, timeZone: 'Europe/Berlin', manual: false }
    assert.deepEqual(clusters.get('prod')?.windows, [{ ...expected, applications: ['shop-*'] }])
  })

  test('may judge kinds by expressions', async () => {
    const root = await write({ 'gitwake.yaml': judging('current: status.up, failed: "has(status.broken)"') })
    const { clusters } = await loadConfiguration(root)
    const expected = [{ group: 'acme.example', kind: 'Widget', current: 'status.up', failed: 'has(status.broken)' }]
    assert.deepEqual(clusters.get('prod')?.health, expected)
  })

  const wrong: readonly { readonly name: string; readonly text: string | Buffer; readonly told: RegExp }[] = [
    {
      name: 'an unknown kind',
      text: whole(REPOSITORY.replace('Repository', 'Repositry')),
      told: /kind: "Repositry" is not a kind of gitwake; did you mean "Repository"/,
    },
    {
      name: 'an expression with a typing mistake',
      text: judging("current: statsu.phase == 'Up'"),
      told: /document 2\), Cluster prod: spec\.health\[0\]\.current: is not a valid CEL expression: Unknown variable: statsu$/,
    },
    {
      name: 'an expression that is no answer',
      text: judging('current: 1 + 1'),
      told: /health\[0\]\.current: must yield true or false, not int/,
    },
    { name: 'no expression', text: judging('failed: "true"'), told: /health\[0\]\.current: is missing/ },
    {
      name: 'an unknown field of an expression',
      text: judging('curent: "true"'),
      told: /health\[0\]\.curent: is not a field; did you mean "current"/,
    },
    {
      name: 'a kind judged twice',
      text: judging('current: "true"}, {group: acme.example, kind: Widget, current: "true"'),
      told: /spec\.health\[1\]: is the second entry for Widget/,
    },
    {
      name: 'a window whose schedule never comes',
      text: windowed('{kind: deny, schedule: "0 0 1 1 *", duration: 1h}, {kind: allow, schedule: "0 0 30 2 *", duration: 1h}'),
      told: /Cluster prod: spec\.windows\[1\]\.schedule: never comes/,
    },
    {
      name: 'a window in no time zone',
      text: windowed('{kind: deny, schedule: "0 0 1 1 *", duration: 1h, timeZone: Berlin}'),
      told: /spec\.windows\[0\]\.timeZone: is not a time zone/,
    },
    {
      name: 'a window of an application with a wrong schedule and duration',
      text: whole(
        REPOSITORY,
        CLUSTER,
        application('a').replace('spec:', 'spec:\n  sync: {windows: [{kind: deny, schedule: nightly, duration: long}]}'),
      ),
      told: /Application a: spec\.sync\.windows\[0\]\.duration: must be a duration such as/,
    },
    { name: 'a document that is a list', text: '- a\n- b\n', told: /document 1\): is not a document of gitwake/ },
    { name: 'a scalar', text: 'hello\n', told: /is not a document of gitwake/ },
    { name: 'broken YAML', text: 'kind: [\n', told: /gitwake\.yaml: is not valid YAML at line \d+, column \d+/ },
    { name: 'a duplicate key', text: REPOSITORY.replace('kind:', 'kind: Cluster\nkind:'), told: /is not valid YAML at line 3.*duplicat/ },
    { name: 'a tag that makes objects', text: 'kind: !!js/function "function(){}"\n', told: /is not valid YAML/ },
    { name: 'invalid UTF-8', text: Buffer.from([0x6b, 0xff, 0xfe]), told: /is not valid UTF-8/ },
    { name: 'a file without documents', text: '# nothing here yet\n', told: /holds no document/ },
    {
      name: 'a wrong apiVersion',
      text: REPOSITORY.replace('gitwake.dev/v1', 'gitwake.dev/v2'),
      told: /apiVersion: must be gitwake\.dev\/v1/,
    },
    { name: 'a missing name', text: REPOSITORY.replace('{name: shop}', '{}'), told: /metadata\.name: is missing/ },
    {
      name: 'a name that is no DNS label',
      text: REPOSITORY.replace('name: shop', 'name: Shop_1'),
      told: /metadata\.name: must be lower-case letters/,
    },
    {
      name: 'a name that is too long for object names',
      text: whole(REPOSITORY, CLUSTER, application('a'.repeat(51))),
      told: /metadata\.name: must be at most 50 characters/,
    },
    {
      name: 'a name used twice',
      text: whole(REPOSITORY, REPOSITORY),
      told: /document 2\), Repository shop: metadata\.name: is used twice: gitwake\.yaml \(document 1\)/,
    },
    { name: 'a duration without unit', text: REPOSITORY.replace('1m', '60'), told: /spec\.pollInterval: must be text, not the number 60/ },
    {
      name: 'a duration with an unknown unit',
      text: REPOSITORY.replace('1m', '1w'),
      told: /spec\.pollInterval: must be a duration such as 30s/,
    },
    { name: 'an interval too short', text: REPOSITORY.replace('1m', '10ms'), told: /spec\.pollInterval: must be between 1s and 1d/ },
    {
      name: 'a password in the URL',
      text: REPOSITORY.replace('https://', 'https://bot:hunter2hunter2@'),
      told: /spec\.url: carries a user name or password: put the password into spec\.credentials\.passwordFrom/,
    },
    { name: 'plain http', text: REPOSITORY.replace('https://', 'http://'), told: /spec\.url: is http:\/\/, which nobody protects/ },
    { name: 'a remote helper', text: REPOSITORY.replace('https://github.com/acme/shop.git', 'ext::sh'), told: /spec\.url: is not a URL/ },
    {
      name: 'an option as URL',
      text: REPOSITORY.replace('https://github.com/acme/shop.git', '--upload-pack=x'),
      told: /spec\.url: begins with "-"/,
    },
    {
      name: 'a host that ends with a dot',
      text: REPOSITORY.replace('github.com', 'github.com.'),
      told: /spec\.url: has a host that ends with a dot: write it without/,
    },
    {
      name: 'an option as ssh host',
      text: REPOSITORY.replace('https://github.com/acme/shop.git', 'ssh://-oProxyCommand=x/y'),
      told: /spec\.url/,
    },
    {
      name: 'the address of cloud credentials',
      text: REPOSITORY.replace('github.com', '169.254.169.254'),
      told: /spec\.url: names this machine itself/,
    },
    {
      name: 'an inline password',
      text: REPOSITORY.replace('pollInterval: 1m', 'credentials: {username: x, password: hunter2hunter2}'),
      told: /spec\.credentials\.password: secrets never stand in the configuration: write passwordFrom/,
    },
    {
      name: 'a secret where its place belongs',
      text: REPOSITORY.replace('pollInterval: 1m', 'webhookSecretFrom: hunter2hunter2'),
      told: /spec\.webhookSecretFrom: must be a mapping, not text: write \{env: NAME\}/,
    },
    {
      name: 'an inline kubeconfig',
      text: CLUSTER.replace('kubeconfigFrom: {file: /etc/gitwake/prod.kubeconfig}', 'kubeconfig: hunter2hunter2'),
      told: /spec\.kubeconfig: secrets never stand/,
    },
    {
      name: 'a secret from two places',
      text: CLUSTER.replace('{file: ', '{env: KUBE, file: '),
      told: /spec\.kubeconfigFrom: must have exactly one of env and file/,
    },
    {
      name: 'a cluster without a connection',
      text: CLUSTER.replace('kubeconfigFrom: {file: /etc/gitwake/prod.kubeconfig}', 'sweepInterval: 1m'),
      told: /spec: must have either kubeconfigFrom/,
    },
    {
      name: 'a path that leaves the repository',
      text: whole(REPOSITORY, CLUSTER, application('a', '', 'repository: shop, ref: main, path: ../../etc')),
      told: /spec\.source\.path: must stay inside the repository/,
    },
    {
      name: 'an absolute path',
      text: whole(REPOSITORY, CLUSTER, application('a', '', 'repository: shop, ref: main, path: /etc')),
      told: /spec\.source\.path: must be relative/,
    },
    {
      name: 'a ref that is an option',
      text: whole(REPOSITORY, CLUSTER, application('a', '', 'repository: shop, ref: --upload-pack=x')),
      told: /spec\.source\.ref: .* is not a name that Git accepts/,
    },
    {
      name: 'a pattern as ref',
      text: whole(REPOSITORY, CLUSTER, application('a', '', 'repository: shop, ref: "release/*"')),
      told: /spec\.source\.ref: "release\/\*" is a pattern: .* semver:\^1\.2/,
    },
    {
      name: 'a commit as ref',
      text: whole(REPOSITORY, CLUSTER, application('a', '', `repository: shop, ref: ${'a'.repeat(40)}`)),
      told: /spec\.source\.ref: is a commit/,
    },
    {
      name: 'a token that stands in the configuration itself',
      text: token('ci', 'hash: gwt_the-secret, allow: read'),
      told: /Token ci: spec\.hash: must be sha256: and 64 hexadecimal digits, as gitwake token prints it; the token itself never stands here$/,
    },
    {
      name: 'a field for the token itself',
      text: token('ci', 'token: gwt_the-secret, allow: read'),
      told: /spec\.token: secrets never stand in the configuration: write tokenFrom: \{env: NAME\} or tokenFrom: \{file: PATH\}$/m,
    },
    {
      name: 'a token from two places',
      text: token('ci', `hash: "${HASH}", tokenFrom: {env: CI}, allow: read`),
      told: /spec: must have exactly one of hash \(gitwake token prints one\), tokenFrom/,
    },
    {
      name: 'a right that there is not',
      text: token('ci', `hash: "${HASH}", allow: write`),
      told: /spec\.allow: must be read or sync or operate, not "write"/,
    },
    {
      name: 'a token that expires on no day',
      text: token('ci', `hash: "${HASH}", allow: read, expires: 2027-02-31T25:00Z`),
      told: /spec\.expires: is not a day of the calendar/,
    },
    {
      name: 'a token for nothing',
      text: token('ci', `hash: "${HASH}", allow: read, applications: []`),
      told: /spec\.applications: must not be empty/,
    },
    {
      name: 'a secret of a client that stands in the configuration itself',
      text: login(', clientSecret: hunter2hunter2'),
      told: /spec\.clientSecret: secrets never stand in the configuration: write clientSecretFrom/,
    },
    {
      name: 'an issuer that nobody protects',
      text: login().replace('https://id', 'http://id'),
      told: /Login acme: spec\.issuer: is http:\/\/: use https:/,
    },
    {
      name: 'an issuer that is this machine',
      text: login().replace('id.example.org', '127.1'),
      told: /spec\.issuer: names this machine itself/,
    },
    { name: 'an issuer with a query', text: login().replace('/realms/acme', '/?realm=acme'), told: /spec\.issuer: has a query/ },
    {
      name: 'an address of gitwake without TLS',
      text: login().replace('https://gitwake', 'http://gitwake'),
      told: /spec\.publicUrl: is http:\/\/: whoever listens could take sessions over/,
    },
    {
      name: 'an address of gitwake with a path',
      text: login().replace('gitwake.example.org', 'example.org/gitwake'),
      told: /spec\.publicUrl: has more than scheme, host and port: write https:\/\/example\.org$/,
    },
    { name: 'a session for ever', text: login(', sessionLifetime: 90d'), told: /spec\.sessionLifetime: must be between 1s and 30d/ },
    {
      name: 'people of a provider that there is not',
      text: whole(login(), people('login: acmee, everybody: true, allow: read')),
      told: /People team: spec\.login: there is no Login "acmee"; did you mean "acme"\?/,
    },
    {
      name: 'people who are nobody',
      text: whole(login(), people('login: acme, allow: read')),
      told: /People team: spec: names nobody: write groups, emails, subjects or everybody: true/,
    },
    {
      name: 'a pattern for any host',
      text: whole(login(), people("login: acme, emails: ['ada@*'], allow: read")),
      told: /spec\.emails\[0\]/,
    },
    {
      name: 'a right of people that there is not',
      text: whole(login(), people('login: acme, everybody: true, allow: admin')),
      told: /spec\.allow: must be read or sync or operate/,
    },
    {
      name: 'one token under two names',
      text: whole(token('ci', `hash: "${HASH}", allow: read`), token('cd', `hash: "${HASH}", allow: sync`)),
      told: /Token cd: spec: is the same token as ci: it must be clear whose a request is/,
    },
    {
      name: 'a number as ref',
      text: whole(REPOSITORY, CLUSTER, application('a', '', 'repository: shop, ref: 1.10')),
      told: /spec\.source\.ref: must be text, not the number 1\.1: put it in quotes/,
    },
    {
      name: 'an application that waits for itself',
      text: whole(
        REPOSITORY,
        CLUSTER,
        application('a', '  dependsOn: [b]\n'),
        application('b', '  dependsOn: [c]\n'),
        application('c', '  dependsOn: [a]\n'),
      ),
      told: /Application a: spec\.dependsOn: waits for itself: a → b → c → a/,
    },
    {
      name: 'an application renamed from one that is still configured',
      text: whole(REPOSITORY, CLUSTER, application('a', '  renamedFrom: b\n'), application('b')),
      told: /Application a: spec\.renamedFrom: names b, which is still configured: remove that document, or this line/,
    },
    {
      name: 'two applications renamed from each other',
      text: whole(REPOSITORY, CLUSTER, application('a', '  renamedFrom: b\n'), application('b', '  renamedFrom: a\n')),
      told: /Application a: spec\.renamedFrom: names b, which is still configured, which in turn says that it was this one/,
    },
    {
      name: 'an application renamed from itself',
      text: whole(REPOSITORY, CLUSTER, application('a', '  renamedFrom: a\n')),
      told: /Application a: spec\.renamedFrom: is its own name: give the name that it had before, or remove the line/,
    },
    {
      name: 'two applications renamed from the same one',
      text: whole(REPOSITORY, CLUSTER, application('a', '  renamedFrom: old\n'), application('b', '  renamedFrom: old\n')),
      told: /Application b: spec\.renamedFrom: names old, which a takes over already: only one application can be old under a new name/,
    },
    {
      name: 'two applications that would own the same objects',
      text: whole(REPOSITORY, CLUSTER, application('a'), application('b').replace('namespace: b', 'namespace: a')),
      told: /Application b: spec: has the same source and destination as a/,
    },
    {
      name: 'an application outside the namespaces of its cluster',
      text: whole(REPOSITORY, CLUSTER.replace('spec: {', 'spec: {namespaces: [shop, team], '), application('a')),
      told: /Application a: spec\.destination\.namespace: must be one of the namespaces of Cluster \S+ \(shop, team\), not a: correct it/,
    },
    {
      name: 'a limit below one request',
      text: whole(REPOSITORY, CLUSTER.replace('spec: {', 'spec: {requests: {perSecond: 0}, ')),
      told: /spec\.requests\.perSecond: must/,
    },
    ...(
      [
        ['{kind: Deployment}', /spec\.sync\.ignore\[0\]: must name fields/],
        ['{fields: [.spec.replicas]}', /ignore\[0\]\.fields\[0\]: ".spec.replicas" is not a JSON pointer: write \/spec\/replicas/],
        ['{fields: [/spec/a, /spec/~2]}', /ignore\[0\]\.fields\[1\]: "\/spec\/~2" is not a JSON pointer, with ~1/],
        ['{fields: [/spec/]}', /fields\[0\]: has an empty step/],
        ['{fields: [/metadata/name]}', /fields\[0\]: is part of what names an object/],
        ['{fields: [/metadata]}', /fields\[0\]: is part of what names an object/],
        ['{fields: ["/spec/containers/[name=api/image"]}', /does not name an item: write \[name=api\]/],
        ['{feilds: [/spec/replicas]}', /feilds/],
      ] as const
    ).map(([rule, told]) => ({
      name: `the ignore rule ${rule}`,
      text: whole(REPOSITORY, CLUSTER, application('a', `  sync: {ignore: [${rule}]}\n`)),
      told,
    })),
    { name: 'a prototype as field', text: REPOSITORY.replace('pollInterval: 1m', '__proto__: {polluted: true}'), told: /__proto__/ },
  ]
  for (const { name, text, told } of wrong) {
    test(`refuses ${name}`, async () => {
      const message = await problems(text)
      assert.match(message, told)
      assert.doesNotMatch(message, /hunter2/)
    })
  }

  test('survives an alias bomb', async () => {
    const bomb = [
      'a: &a [x, x]',
      ...Array.from(
        { length: 25 },
        (_, index) => `b${index}: &b${index} [*${index === 0 ? 'a' : `b${index - 1}`}, *${index === 0 ? 'a' : `b${index - 1}`}]`,
      ),
    ]
    assert.match(await problems(`kind: Repository\n${bomb.join('\n')}\n`), /is not a field/)
  })

  test('finds a circle in a long chain without recursion', async () => {
    const chain = Array.from({ length: 3000 }, (_, index) => application(`a${index}`, `  dependsOn: [a${(index + 1) % 3000}]\n`))
    assert.match(await problems(whole(REPOSITORY, CLUSTER, ...chain)), /waits for itself/)
  })

  test('that does not exist is told with what to do', async () => {
    await assert.rejects(loadConfiguration(join(folder, 'nowhere.yaml')), {
      code: 'configuration-not-found',
      message: /nowhere\.yaml/,
      fix: /GITWAKE_CONFIG/,
    })
  })

  test('takes ssh and scp forms, and insecure ones by name', async () => {
    for (const url of ['ssh://git@git.example.org:2222/acme/shop.git', 'git@github.com:acme/shop.git']) {
      assert.equal(await problems(whole(REPOSITORY.replace('https://github.com/acme/shop.git', url), CLUSTER)), '')
    }
    for (const url of ['http://127.0.0.1:3000/shop.git', 'file:///srv/git/shop.git']) {
      assert.equal(
        await problems(whole(REPOSITORY.replace('https://github.com/acme/shop.git,', `${url}, allowInsecure: true,`), CLUSTER)),
        '',
      )
    }
  })
})

test('a link that leads nowhere is told by its name, and not left out', async () => {
  const path = await write({ 'a.yaml': whole(REPOSITORY, CLUSTER) })
  await symlink('nowhere', join(path, 'apps.yaml'))
  const checked = await checkConfiguration(path)
  assert.match(checked.valid ? '' : checked.problems.map(displayProblem).join('\n'), /apps\.yaml.*cannot be read/)
})

test('a range of versions stands where a ref stands; what is none is told', async () => {
  const of = (ref: string): string => whole(REPOSITORY, CLUSTER, application('a', '', `repository: shop, ref: "${ref}", path: a`))
  const root = await write({ 'gitwake.yaml': of('semver:^1.2') })
  assert.equal((await loadConfiguration(root, 1)).applications.get('a')?.source.ref, 'semver:>=1.2.0 <2.0.0-0')
  assert.match(await problems(of('semver:newest')), /spec\.source\.ref.*"semver:newest" is no range of versions: write semver:\^1\.2/)
})

test('images that an application listens to are patterns; what could match none is told', async () => {
  const of = (images: string): string => whole(REPOSITORY, CLUSTER, application('a', `  images: ${images}\n`))
  const root = await write({ 'gitwake.yaml': of('[ghcr.io/acme/shop, "acme/api:1.*"]') })
  assert.deepEqual((await loadConfiguration(root, 1)).applications.get('a')?.images, ['ghcr.io/acme/shop', 'acme/api:1.*'])
  assert.match(
    await problems(of('[ghcr.io/acme/shop, "https://ghcr.io/acme/shop"]')),
    /spec\.images\[1\].*"https:\/\/ghcr\.io\/acme\/shop" is no image: write ghcr\.io\/acme\/shop/,
  )
})
