import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { environmentExample, environmentTable } from '../../src/config/env-example.ts'
import { configurationJsonSchema } from '../../src/config/json-schema.ts'
import { VARIABLES } from '../../src/config/variables.ts'
import { readSettings, secretsOf, type Environment } from '../../src/config.ts'
import { GitwakeError } from '../../src/model/error.ts'
import { holdsEqual } from '../support/generated.ts'

const refusal = (environment: Environment): string => {
  try {
    readSettings(environment)
  } catch (error) {
    assert.ok(error instanceof GitwakeError)
    assert.equal(error.code, 'environment-invalid')
    return error.message
  }
  return assert.fail('the environment was accepted')
}

describe('the environment', () => {
  test('has a default for everything, so that an empty environment is valid', () => {
    const { settings, warnings } = readSettings({})
    assert.deepEqual(warnings, [])
    assert.equal(settings.port, 8080)
    assert.equal(settings.redisUrl, 'redis://127.0.0.1:6379')
    assert.equal(settings.serverUrl, 'http://127.0.0.1:8080')
    assert.deepEqual(settings.rateLimit, { requests: 600, perMs: 60_000 })
    assert.ok(Object.isFrozen(settings))
  })

  test('treats an empty variable as unset, as compose files pass them', () => {
    assert.equal(readSettings({ PORT: '', GITWAKE_API_TOKEN: '' }).settings.port, 8080)
  })

  test('accepts lists of secrets for rotation', () => {
    const { settings } = readSettings({ GITHUB_WEBHOOK_SECRET: 'new-secret-1, old-secret-2,' })
    assert.deepEqual(settings.githubWebhookSecrets, ['new-secret-1', 'old-secret-2'])
  })

  test('tells all problems at once, each with its variable', () => {
    const message = refusal({
      PORT: '80x',
      LOG_LEVEL: 'inf',
      GITWAKE_RATE_LIMIT: '10',
      GITWAKE_HISTORY_MAX_AGE: 'long',
      GITWAKE_QUEUES_OPERATOR: 'perhaps',
    })
    for (const name of ['PORT', 'LOG_LEVEL', 'GITWAKE_RATE_LIMIT', 'GITWAKE_HISTORY_MAX_AGE', 'GITWAKE_QUEUES_OPERATOR'])
      assert.match(message, new RegExp(`- ${name} `))
    assert.match(message, /did you mean "info"/)
  })

  test('takes authorities for a Redis with TLS only', () => {
    assert.match(refusal({ GITWAKE_REDIS_CA: '/etc/redis/ca.crt' }), /GITWAKE_REDIS_CA has a meaning only with TLS: write rediss:/)
    const environment = { GITWAKE_REDIS_CA: '/etc/redis/ca.crt', REDIS_URL: 'rediss://:a-password@redis.example:6380' }
    assert.equal(readSettings(environment).settings.redisCaPath, '/etc/redis/ca.crt')
  })

  test('refuses a secret shorter than eight characters without repeating it', () => {
    const message = refusal({ GITWAKE_API_TOKEN: 'long-enough-token,s3cr3t' })
    assert.match(message, /GITWAKE_API_TOKEN holds a secret shorter than 8 characters \(number 2 of the list\)/)
    assert.doesNotMatch(message, /s3cr3t|long-enough/)
  })

  test('counts the API tokens among the secrets, which are masked', () => assert.equal(VARIABLES.apiTokens.secret, true))

  test('refuses a token with a line break inside without repeating it; one at the end does not count', () => {
    const message = refusal({ GITWAKE_API_TOKEN: 'first-half-of-it\nsecond-half-of-it' })
    assert.match(message, /GITWAKE_API_TOKEN holds a line break/)
    assert.doesNotMatch(message, /half-of-it/)
    assert.deepEqual(readSettings({ GITWAKE_API_TOKEN: 'long-enough-token\n' }).settings.apiTokens, ['long-enough-token'])
  })

  test('refuses a GitLab signing key that is none', () => {
    assert.match(refusal({ GITLAB_WEBHOOK_SECRET: 'plain-old-token' }), /GITLAB_WEBHOOK_TOKEN/)
    assert.equal(readSettings({ GITLAB_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }).settings.gitlabWebhookSecrets.length, 1)
  })

  const redis = [
    { url: 'redis://127.0.0.1:6379', open: true },
    { url: 'redis://localhost:6379/2', open: true },
    { url: 'redis://[::1]:6379', open: true },
    { url: 'rediss://:a-password@redis.example.org:6380', open: true },
    { url: 'redis+sentinel://:a-password@one:26379,two:26379/mymaster', open: true },
    { url: 'redis+sentinel://127.0.0.1:26379/mymaster', open: true },
    { url: 'redis+sentinel://127.0.0.1:26379,two:26379/mymaster/1', open: false },
    { url: 'redis://redis:6379', open: false },
    { url: 'rediss://10.0.0.5', open: false },
    { url: 'redis://127.0.0.1.example.org', open: false },
  ]
  for (const { url, open } of redis) {
    test(`${open ? 'accepts' : 'refuses'} ${url}`, () => {
      if (open) assert.equal(readSettings({ REDIS_URL: url }).settings.redisUrl, url)
      else assert.match(refusal({ REDIS_URL: url }), /without a password.* Put :PASSWORD@ before its first host/)
    })
  }

  test('opens a Redis without a password by name, with a warning', () => {
    const { warnings } = readSettings({ REDIS_URL: 'redis://redis:6379', GITWAKE_ALLOW_INSECURE_REDIS: 'true' })
    assert.match(warnings.join(), /REDIS_URL has no password/)
  })

  test('never repeats a Redis URL that it refuses', () => {
    for (const url of [
      'http://:hunter2hunter2@host',
      'redis+sentinel://:hunter2hunter2@one,two',
      'redis+sentinel://:hunter2hunter2@one,t wo/master',
    ])
      assert.doesNotMatch(refusal({ REDIS_URL: url }), /hunter2/)
  })

  test('warns about unknown variables and names the one that was meant', () => {
    assert.match(readSettings({ GITWAKE_CONFG: 'x' }).warnings.join(), /GITWAKE_CONFG .* did you mean GITWAKE_CONFIG/)
  })

  test('does not warn about what Kubernetes and the checkout put there', () => {
    const links = {
      GITWAKE_SERVE_SERVICE_HOST: '10.0.0.1',
      GITWAKE_PORT: 'tcp://10.0.0.1:80',
      GITWAKE_PORT_80_TCP_ADDR: '10.0.0.1',
      GITWAKE_CACHE: '/tmp/x',
    }
    assert.deepEqual(readSettings(links).warnings, [])
  })

  test('names every secret it holds for the mask', () => {
    const { settings } = readSettings({
      GITWAKE_API_TOKEN: 'api-token-1',
      GITLAB_WEBHOOK_TOKEN: 'gitlab-token-1',
      REDIS_URL: 'redis://:p%40ssword@host:1',
    })
    assert.deepEqual([...secretsOf(settings)].sort(), ['api-token-1', 'gitlab-token-1', 'p%40ssword', 'p@ssword'].sort())
  })
})

describe('generated files', () => {
  test('.env.example says what the program reads', () => holdsEqual('.env.example', () => environmentExample()))

  test('the JSON Schema is what the program checks', () => holdsEqual('docs/gitwake.schema.json', () => configurationJsonSchema()))

  test('the reference page lists every variable with its default', () =>
    holdsEqual('docs/reference/configuration.md', (present) => {
      const [before = '', after = ''] = [present.split('<!-- environment -->')[0], present.split('<!-- /environment -->')[1]]
      return `${before}<!-- environment -->\n${environmentTable()}\n<!-- /environment -->${after}`
    }))

  test('every default is valid', () => {
    for (const variable of Object.values(VARIABLES)) assert.doesNotThrow(() => variable.decode(variable.initial), variable.name)
  })
})
