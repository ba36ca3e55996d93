import type { ClaimRules } from '../model/claims.ts'

/** Said by the issuer about the token itself: they narrow nobody. */
const OF_THE_TOKEN = ['iss', 'aud', 'exp', 'nbf', 'iat', 'jti']

/**
 * Issuers at which anybody can get a token, and how a claim begins that says whose it is: a rule about branches alone would let in everybody's main.
 * GitHub: docs.github.com, "OpenID Connect reference"; GitLab: docs.gitlab.com, "ID token authentication"; Buildkite: buildkite.com/docs/pipelines/security/oidc;
 * Google: developers.google.com/identity/openid-connect; HCP Terraform: developer.hashicorp.com, "Workload identity tokens".
 */
const SHARED: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  'https://token.actions.githubusercontent.com': {
    sub: /^repo:[^*/:]+\//u,
    repository: /^[^*/]+\//u,
    repository_id: /^\d+$/u,
    repository_owner: /^[^*]+$/u,
    repository_owner_id: /^\d+$/u,
  },
  'https://gitlab.com': {
    sub: /^project_path:[^*/:]+\//u,
    project_path: /^[^*/]+\//u,
    project_id: /^\d+$/u,
    namespace_path: /^[^*/]+(?:\/|$)/u,
    namespace_id: /^\d+$/u,
  },
  'https://agent.buildkite.com': {
    sub: /^organization:[^*:]+:/u,
    organization_slug: /^[^*]+$/u,
    organization_id: /^[^*]+$/u,
    pipeline_id: /^[^*]+$/u,
  },
  'https://accounts.google.com': { sub: /^\d+$/u, email: /^[^*]+@[^*]+$/u, hd: /^[^*]+$/u },
  'https://app.terraform.io': {
    sub: /^organization:[^*:]+:/u,
    terraform_organization_name: /^[^*]+$/u,
    terraform_organization_id: /^[^*]+$/u,
    terraform_workspace_id: /^[^*]+$/u,
  },
}

/** Why rules let in more than anybody could mean, as the rest of a sentence; undefined where they do not. */
export function claimsProblem(issuer: string, rules: ClaimRules): string | undefined {
  const names = Object.keys(rules)
  if (names.length === 0) return 'must name at least one claim, such as sub: without, every token of the issuer would be let in'
  const own = names.find((name) => OF_THE_TOKEN.includes(name))
  if (own !== undefined) return `cannot name ${own}: it is checked anyway, or says nothing of who sends the token`
  const empty = names.find((name) => rules[name]?.length === 0 || rules[name]?.some((pattern) => /^\**$/u.test(pattern)) === true)
  if (empty !== undefined) return `must narrow ${empty}: this pattern matches everything, or nothing`
  const identifying = SHARED[issuer.replace(/\/+$/u, '')]
  if (
    identifying === undefined ||
    names.some((name) => rules[name]?.every((pattern) => identifying[name]?.test(pattern) === true) === true)
  )
    return undefined
  return `must say whose tokens these are, because anybody gets tokens of ${issuer}: begin ${Object.keys(identifying).join(', ')} with the name of your organisation, or write an id`
}
