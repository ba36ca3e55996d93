import {
  byteSize,
  dnsLabel,
  duration,
  filePath,
  flag,
  httpUrl,
  integer,
  oneOf,
  optionalPath,
  optionalPort,
  optionalText,
  proxies,
  rateLimit,
  redisUrl,
  secrets,
  signingKeys,
  text,
  tokens,
  type Decode,
} from './decode.ts'

/** One environment variable: what `.env.example`, the reference page and the program know about it. */
export interface Variable<Value> {
  readonly name: string
  /** The value when the variable is unset or empty, as one would write it. */
  readonly initial: string
  /** The kind of value, for people. */
  readonly type: string
  readonly doc: string
  readonly secret: boolean
  readonly decode: Decode<Value>
}

function variable<Value>(name: string, initial: string, type: string, decode: Decode<Value>, doc: string): Variable<Value> {
  const secret = ([secrets, signingKeys, tokens] as readonly Decode<unknown>[]).includes(decode as Decode<unknown>)
  return { name, initial, type, doc, secret, decode }
}

/** Every environment variable of gitwake, in the order in which people meet them. */
export const VARIABLES = {
  configurationPath: variable(
    'GITWAKE_CONFIG',
    './gitwake.yaml',
    'path',
    filePath,
    'The configuration: one YAML file, or a folder of *.yaml and *.yml files. A change takes effect without a restart.',
  ),
  port: variable('PORT', '8080', 'number', integer(0, 65535), 'Where the receiver, the API and the pages listen; 0 takes any free port.'),
  host: variable(
    'HOST',
    '127.0.0.1',
    'address',
    text,
    'The address to listen on. 0.0.0.0 or :: opens it to the network: put TLS in front.',
  ),
  probePort: variable(
    'GITWAKE_PROBE_PORT',
    '',
    'number',
    optionalPort,
    'Where `gitwake work` answers /healthz, /readyz and /metrics, on HOST and without a token; nowhere by default. The other roles answer them on PORT.',
  ),
  redisUrl: variable(
    'REDIS_URL',
    'redis://127.0.0.1:6379',
    'URL',
    redisUrl,
    'The queue and the history; redis+sentinel://[user:password@]host:26379,host2:26379/master asks Sentinels where it is, redis+cluster://[user:password@]host:6379,host2:6379 is a Redis Cluster. Needs maxmemory-policy noeviction, and appendonly yes to survive a crash. Whoever can write to it can ask for syncs: beyond this machine it must have a password.',
  ),
  redisCaPath: variable(
    'GITWAKE_REDIS_CA',
    '',
    'path',
    optionalText,
    'The certificate authorities (PEM) that may vouch for a rediss:// Redis, in place of those of the system.',
  ),
  allowInsecureRedis: variable(
    'GITWAKE_ALLOW_INSECURE_REDIS',
    'false',
    'true or false',
    flag,
    'Accepts a REDIS_URL without a password although its host is not this machine.',
  ),
  apiTokens: variable(
    'GITWAKE_API_TOKEN',
    '',
    'secrets',
    tokens,
    'Opens the API, the pages, the metrics and the queue UI: as bearer token, or as password in a browser. Without one they stay closed. A comma-separated list, for rotation.',
  ),
  githubWebhookSecrets: variable(
    'GITHUB_WEBHOOK_SECRET',
    '',
    'secrets',
    secrets,
    'Secret of the GitHub webhooks that call /hooks/github. No secret, no receiver. A comma-separated list, for rotation.',
  ),
  gitlabWebhookSecrets: variable(
    'GITLAB_WEBHOOK_SECRET',
    '',
    'secrets',
    signingKeys,
    'Signing token (whsec_…) of the GitLab webhooks that call /hooks/gitlab, from GitLab 19 on. A comma-separated list, for rotation.',
  ),
  gitlabWebhookTokens: variable(
    'GITLAB_WEBHOOK_TOKEN',
    '',
    'secrets',
    secrets,
    'Secret token of the webhooks of older GitLabs. A comma-separated list, for rotation.',
  ),
  giteaWebhookSecrets: variable(
    'GITEA_WEBHOOK_SECRET',
    '',
    'secrets',
    secrets,
    'Secret of the Gitea or Forgejo webhooks that call /hooks/gitea (or /hooks/forgejo). A comma-separated list, for rotation.',
  ),
  bitbucketWebhookSecrets: variable(
    'BITBUCKET_WEBHOOK_SECRET',
    '',
    'secrets',
    secrets,
    'Secret of the Bitbucket webhooks (Cloud and Data Center) that call /hooks/bitbucket. A comma-separated list, for rotation.',
  ),
  azureWebhookPasswords: variable(
    'AZURE_WEBHOOK_PASSWORD',
    '',
    'secrets',
    secrets,
    'Password, or user:password, of the Azure DevOps service hooks that call /hooks/azure: only over TLS. A comma-separated list, for rotation.',
  ),
  dockerHubWebhookSecrets: variable(
    'DOCKERHUB_WEBHOOK_SECRET',
    '',
    'secrets',
    secrets,
    'The token in the URL of Docker Hub webhooks (/hooks/dockerhub?token=…), which are not signed: for nothing else, and only over TLS. A comma-separated list, for rotation.',
  ),
  harborWebhookSecrets: variable(
    'HARBOR_WEBHOOK_SECRET',
    '',
    'secrets',
    secrets,
    'The auth header of the Harbor webhooks that call /hooks/harbor: only over TLS. A comma-separated list, for rotation.',
  ),
  standardWebhookSecrets: variable(
    'STANDARD_WEBHOOK_SECRET',
    '',
    'secrets',
    secrets,
    'Signing key (whsec_… in base64, or any text) of pipelines that call /hooks/standard in the format of Standard Webhooks. A comma-separated list, for rotation.',
  ),
  hmacWebhookSecrets: variable(
    'HMAC_WEBHOOK_SECRET',
    '',
    'secrets',
    secrets,
    'Key of scripts that call /hooks/hmac with the HMAC-SHA256 of the body in X-Signature-256. A comma-separated list, for rotation.',
  ),
  rateLimit: variable(
    'GITWAKE_RATE_LIMIT',
    '600/min',
    'rate',
    rateLimit,
    'How many webhook requests without a valid signature one address may send: a number per s, min or h, or off (for load tests). Authentic ones may come ten times as often. What is beyond gets 429. Replicas count wrong signatures together, and go on counting after a restart.',
  ),
  trustedProxies: variable(
    'GITWAKE_TRUSTED_PROXIES',
    '',
    'addresses',
    proxies,
    'The proxies in front of the receiver whose X-Forwarded-For is believed, so that limits count whom they forward and not themselves: addresses, ranges (10.0.0.0/8), loopback, linklocal or uniquelocal (the private ranges), separated by commas. By default nobody is believed.',
  ),
  logLevel: variable(
    'LOG_LEVEL',
    'info',
    'level',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    'The least important lines to log: trace, debug, info, warn, error, fatal or silent.',
  ),
  logFormat: variable(
    'LOG_FORMAT',
    'auto',
    'format',
    oneOf('auto', 'json', 'pretty'),
    'json, pretty (for people), or auto: pretty on a terminal, json elsewhere.',
  ),
  cacheDirectory: variable(
    'GITWAKE_CACHE_DIR',
    '~/.cache/gitwake/git',
    'path',
    filePath,
    'Where workers keep the fetched Git objects. It can be deleted at any time.',
  ),
  inventoryNamespace: variable(
    'GITWAKE_INVENTORY_NAMESPACE',
    'gitwake-system',
    'name',
    dnsLabel(63),
    'The namespace, in every target cluster, that holds the inventories: what each application owns there.',
  ),
  installation: variable(
    'GITWAKE_INSTALL',
    'gitwake',
    'name',
    dnsLabel(40),
    "The name of this installation. Two installations that reach the same cluster need different names, and refuse to take over each other's applications.",
  ),
  historyLimit: variable('GITWAKE_HISTORY_LIMIT', '100', 'number', integer(1, 100_000), 'How many results are kept per application.'),
  historyMaxAgeMs: variable(
    'GITWAKE_HISTORY_MAX_AGE',
    '90d',
    'duration',
    duration,
    'How long results are kept; 0 keeps them until the limit. Deliveries are remembered for 72 h.',
  ),
  auditMaxAgeMs: variable(
    'GITWAKE_AUDIT_MAX_AGE',
    '365d',
    'duration',
    duration,
    'How long Redis keeps entries of the audit log; 0 keeps them until the size is reached.',
  ),
  auditMaxBytes: variable(
    'GITWAKE_AUDIT_MAX_SIZE',
    '64Mi',
    'size',
    byteSize,
    'How much of the audit log Redis keeps, as 512Ki, 64Mi or 1Gi. The oldest entries are cut off; the chain of the others stays verifiable.',
  ),
  auditFile: variable(
    'GITWAKE_AUDIT_FILE',
    '',
    'path',
    optionalPath,
    'A file to which the audit log is written as well, as JSON lines, so that it outlives Redis. At 64 MiB it is put aside under the number of its last entry, and removed after GITWAKE_AUDIT_MAX_AGE.',
  ),
  kustomizePath: variable(
    'GITWAKE_KUSTOMIZE',
    '',
    'path',
    optionalText,
    'The kustomize program. Unset: kustomize on PATH, else kubectl kustomize.',
  ),
  queuesOperator: variable(
    'GITWAKE_QUEUES_OPERATOR',
    'false',
    'true or false',
    flag,
    'Lets the queue UI at /queues retry, promote and remove jobs; otherwise it only shows them.',
  ),
  queuesPort: variable(
    'GITWAKE_QUEUES_PORT',
    '',
    'number',
    optionalPort,
    'A port of its own for the queue UI, which then is not to be had on PORT: where webhooks come from outside, and operators from inside. The same tokens open it.',
  ),
  queuesHost: variable(
    'GITWAKE_QUEUES_HOST',
    '127.0.0.1',
    'address',
    text,
    'The address to listen on for GITWAKE_QUEUES_PORT. 0.0.0.0 or :: opens it to the network: put TLS in front.',
  ),
  serverUrl: variable(
    'GITWAKE_URL',
    '',
    'URL',
    httpUrl,
    'Where the commands status, history, plan and sync find the server. Unset: http://127.0.0.1:PORT.',
  ),
}
