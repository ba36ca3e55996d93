import { GitwakeError } from '../model/error.ts'

interface Asked {
  readonly method?: string
  readonly path: string
}

const CERTIFICATE = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|ERR_TLS_CERT|ERR_SSL|HOSTNAME_MISMATCH)/

/** There was no answer, or not all of it. */
export function unreachable(cluster: string, asked: Asked, cause: unknown): GitwakeError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (CERTIFICATE.test(code)) {
    return new GitwakeError(
      'cluster-untrusted',
      `Cluster ${cluster} shows a certificate that the kubeconfig does not vouch for: ${message}`,
      {
        fix: 'Put the CA of the API server into certificate-authority-data, or its name into tls-server-name.',
        retryable: true,
        cause,
      },
    )
  }
  return new GitwakeError('cluster-unreachable', `Cluster ${cluster} gave no answer to ${describe(asked)}: ${message || code}`, {
    fix: 'Check that the API server runs and can be reached from this worker.',
    retryable: true,
    cause,
  })
}

export function timedOut(cluster: string, asked: Asked, timeoutMs: number): GitwakeError {
  return new GitwakeError('cluster-timeout', `Cluster ${cluster} did not answer ${describe(asked)} within ${timeoutMs / 1000} s`, {
    fix: 'Check the load of the API server; the sync tries again by itself.',
    retryable: true,
  })
}

/** The server keeps asking for patience. */
export function busy(cluster: string): GitwakeError {
  return new GitwakeError('cluster-busy', `Cluster ${cluster} is overloaded and asks for a longer pause than this request can wait`, {
    fix: 'Check the load of the API server (429 Too Many Requests); the sync tries again by itself.',
    retryable: true,
  })
}

export function answerTooLarge(cluster: string, asked: Asked): GitwakeError {
  return new GitwakeError(
    'cluster-answer-too-large',
    `Cluster ${cluster} answered ${describe(asked)} with more than gitwake reads at once`,
    {
      fix: 'Ask for smaller pages with limit=.',
    },
  )
}

function describe({ method = 'GET', path }: Asked): string {
  return `${method} ${path}`
}
