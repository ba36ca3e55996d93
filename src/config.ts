import { InvalidValue, isLoopback } from './config/decode.ts'
import { parseRedisUrl } from './model/redis-url.ts'
import { VARIABLES, type Variable } from './config/variables.ts'
import { GitwakeError } from './model/error.ts'
import { nearest } from './model/nearest.ts'
import type { Provider } from './model/push.ts'

export type Environment = Readonly<Record<string, string | undefined>>

type Decoded = { readonly [Key in keyof typeof VARIABLES]: (typeof VARIABLES)[Key] extends Variable<infer Value> ? Value : never }

/** What the environment decides, validated as a whole and frozen. Secrets in it are for the role that uses them; never log it. */
export type Settings = Omit<Decoded, 'serverUrl'> & { readonly serverUrl: string }

/** Variables that other parts of a checkout read before, or beside, this program. */
const FOREIGN = /^GITWAKE_(?:CACHE|TEST_.*|BENCH_.*|SKIP_.*|UPDATE_.*)$/
/** A Kubernetes Service called gitwake-… puts such variables into every container of its namespace. */
const SERVICE_LINK = /_(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT(?:_\d+_(?:TCP|UDP)(?:_.+)?)?)$/

/**
 * Reads and checks the whole environment. Warnings are sentences to be logged.
 * Throws GitwakeError `environment-invalid` that names every wrong variable at once.
 */
export function readSettings(environment: Environment = process.env): {
  readonly settings: Settings
  readonly warnings: readonly string[]
} {
  const problems: string[] = []
  const decoded: Record<string, unknown> = {}
  for (const [key, variable] of Object.entries(VARIABLES)) decoded[key] = decodeVariable(variable, environment, problems)
  const values = decoded as Decoded
  if (problems.length === 0) problems.push(...redisProblems(values))
  if (problems.length > 0) throw invalid(problems)
  const settings: Settings = { ...values, serverUrl: values.serverUrl ?? `http://127.0.0.1:${values.port}` }
  return { settings: Object.freeze(settings), warnings: [...unknownVariables(environment), ...redisWarnings(values)] }
}

/** Every secret that the settings hold, for the mask: passwords in REDIS_URL included. */
export function secretsOf(settings: Settings): readonly string[] {
  const lists = [settings.apiTokens, ...Object.values(webhookSecretsOf(settings))]
  const written = /^[^/]*\/\/[^:@/]*:([^@/]+)@/.exec(settings.redisUrl)?.[1]
  const password = parseRedisUrl(settings.redisUrl)?.password
  return [...lists.flat(), ...(written === undefined || !password ? [] : [written, password])]
}

/** The webhook secrets by provider, as the receiver wants them: a signing key of GitLab tells itself apart from a token. */
export function webhookSecretsOf(settings: Settings): Readonly<Record<Provider, readonly string[]>> {
  return {
    github: settings.githubWebhookSecrets,
    gitlab: [...settings.gitlabWebhookSecrets, ...settings.gitlabWebhookTokens],
    gitea: settings.giteaWebhookSecrets,
    bitbucket: settings.bitbucketWebhookSecrets,
    azure: settings.azureWebhookPasswords,
    dockerhub: settings.dockerHubWebhookSecrets,
    harbor: settings.harborWebhookSecrets,
    standard: settings.standardWebhookSecrets,
    hmac: settings.hmacWebhookSecrets,
  }
}

/** The value of one variable by name, for `…From: {env: NAME}`; undefined where it is unset or empty. */
export function environmentValue(name: string): string | undefined {
  return process.env[name] || undefined
}

function decodeVariable(variable: Variable<unknown>, environment: Environment, problems: string[]): unknown {
  const given = (environment[variable.name] ?? '').trim()
  try {
    return variable.decode(given === '' ? variable.initial : given)
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    problems.push(`${variable.name} ${error.message}`)
    return undefined
  }
}

function invalid(problems: readonly string[]): GitwakeError {
  const list =
    problems.length === 1 ? problems[0] : `${problems.length} problems:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`
  return new GitwakeError('environment-invalid', `The environment is not valid: ${list}`, {
    fix: 'Correct the variables named above; .env.example shows each with its default.',
  })
}

/** CVE-2024-31989 of another tool began with a Redis that anybody in the cluster could write to. */
function redisProblems(values: Decoded): readonly string[] {
  if (values.redisCaPath !== undefined && parseRedisUrl(values.redisUrl)?.tls === false)
    return ['GITWAKE_REDIS_CA has a meaning only with TLS: write rediss:// in REDIS_URL, or remove it']
  if (values.allowInsecureRedis || !isOpenRedis(values.redisUrl)) return []
  return [
    `REDIS_URL names a Redis beyond this machine without a password: anybody who reaches it could ask for syncs. ` +
      `Put :PASSWORD@ before its first host, or allow it by GITWAKE_ALLOW_INSECURE_REDIS=true`,
  ]
}

function redisWarnings(values: Decoded): readonly string[] {
  if (!values.allowInsecureRedis || !isOpenRedis(values.redisUrl)) return []
  return ['REDIS_URL has no password although it is beyond this machine (allowed by GITWAKE_ALLOW_INSECURE_REDIS)']
}

function isOpenRedis(redisUrl: string): boolean {
  const address = parseRedisUrl(redisUrl)
  return address?.password === '' && !address.hosts.every(({ host }) => isLoopback(host))
}

function unknownVariables(environment: Environment): readonly string[] {
  const known = Object.values(VARIABLES).map((variable) => variable.name)
  return Object.keys(environment)
    .filter((name) => name.startsWith('GITWAKE_') && !known.includes(name) && !FOREIGN.test(name) && !SERVICE_LINK.test(name))
    .map((name) => {
      const near = nearest(name, known)
      return `${name} is not a variable of gitwake and has no effect${near === undefined ? '' : `; did you mean ${near}?`}`
    })
}
