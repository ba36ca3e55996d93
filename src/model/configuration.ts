import type { Grant } from './access.ts'
import type { ClaimRules } from './claims.ts'
import type { DeletionPolicy } from './departure.ts'

/** Where a secret stands: never its value. Resolved only by the role that uses it, each time it is needed. */
export type SecretReference = { readonly env: string } | { readonly file: string }

/** A Git remote. */
export interface Repository {
  readonly name: string
  /** As written in the configuration, without userinfo. */
  readonly url: string
  readonly pollIntervalMs: number
  /** Opens plain http, file and loopback URLs (tests, demos). */
  readonly allowInsecure: boolean
  /** HTTP Basic or token authentication for https; absent for public repositories. */
  readonly credentials?: { readonly username: string; readonly passwordFrom: SecretReference }
  readonly ssh?: { readonly privateKeyFrom: SecretReference; readonly knownHostsFrom: SecretReference }
  /** A webhook secret of this repository's own, for `/hooks/<provider>/<repository>`. */
  readonly webhookSecretFrom?: SecretReference
}

/** How many requests a worker sends to a cluster: `burst` at once, `perSecond` in the long run. */
export interface RequestLimit {
  readonly perSecond: number
  readonly burst: number
}

/** A destination. */
export interface Cluster {
  readonly name: string
  readonly connection:
    | { readonly kind: 'in-cluster' }
    | { readonly kind: 'kubeconfig'; readonly kubeconfigFrom: SecretReference; readonly context?: string; readonly allowExec: boolean }
  readonly sweepIntervalMs: number
  /** Unlimited where it is absent. */
  readonly requests?: RequestLimit
  /** Every object is dry-run once in this time, whatever its metadata says; 0 never. */
  readonly auditIntervalMs: number
  /** Watch metadata between sweeps, so that drift is seen at once. */
  readonly watch: boolean
  /** When syncs may write there; always, where there are none. */
  readonly windows?: readonly SyncWindow[]
  /** The only namespaces that are looked at and written to; the whole cluster where this is missing. */
  readonly namespaces?: readonly string[]
  /** How the health of further kinds is judged there; what is built in, where this is missing. */
  readonly health?: readonly HealthExpressions[]
}

/** The health of one kind as CEL expressions over the object; checked when the configuration is loaded. */
export interface HealthExpressions {
  readonly group: string
  readonly kind: string
  /** Each yields true or false; asked in this order. None of them true means in progress. */
  readonly inProgress?: string
  readonly failed?: string
  readonly current: string
  /** Yields the sentence for people. */
  readonly message?: string
}

/** Fields of some objects that an application leaves to whoever else sets them. What is undefined does not narrow. */
export interface IgnoreRule {
  readonly group?: string
  readonly kind?: string
  /** `*` stands for any text. */
  readonly namespace?: string
  readonly name?: string
  /** Paths as their steps (model/pointer.ts); all fields where there are none. */
  readonly fields: readonly (readonly string[])[]
  /** Only what these managers hold; anybody's where there are none. `*` stands for any text. */
  readonly managers: readonly string[]
}

/** A time that comes round, in which syncs may write (allow) or may not (deny). */
export interface SyncWindow {
  readonly kind: 'allow' | 'deny'
  /** Cron expression of its beginnings: minute, hour, day, month, weekday. */
  readonly schedule: string
  /** IANA name of the time zone in which the schedule is meant. */
  readonly timeZone: string
  readonly durationMs: number
  /** A sync by hand passes where this window closes. */
  readonly manual: boolean
  /** Of a cluster: globs of the applications that it concerns; all where it is absent. */
  readonly applications?: readonly string[]
}

/** So many objects, or so many percent of those tracked, whichever is more. */
export type PruneBudget = 'unlimited' | { readonly objects: number; readonly percent: number }

export interface RetryPolicy {
  /** So many tries after the first, then no more until something new is asked for; without end where it is absent. */
  readonly limit?: number
  /** The pause doubles from the first to the longest. */
  readonly initialMs?: number
  readonly maxMs?: number
}

export interface SyncPolicy {
  /** Objects removed from Git are deleted. */
  readonly prune: boolean
  /** Prunes beyond it wait for a person; plan/guards.ts has what holds without it. */
  readonly pruneBudget?: PruneBudget
  /** Drift is repaired; otherwise only reported. */
  readonly selfHeal: boolean
  /** Apply what can be applied although another object was refused. */
  readonly partial: boolean
  /** Server-side dry-run of everything that changes before the first write. */
  readonly preflight: boolean
  /** Fields that people added to our objects: kept, or removed. Those of controllers are always kept. */
  readonly undeclared: 'report' | 'remove'
  /** Fields that are left to others. */
  readonly ignore?: readonly IgnoreRule[]
  /** How long a sync waits for its objects to become healthy; 0 does not wait. */
  readonly healthTimeoutMs: number
  /** How long a sync waits for the end of one hook. */
  readonly hookTimeoutMs?: number
  /** False hides the last log lines of a container that fails; otherwise they are shown with its reason, where the worker may read them. */
  readonly podLogs?: boolean
  /** How long everything before the wait for health may take; no limit where it is absent. */
  readonly timeoutMs?: number
  /** How failures that may pass by themselves are tried again; the queue's own rules where it is absent. */
  readonly retry?: RetryPolicy
  /** When it may write; always, where there are none. */
  readonly windows?: readonly SyncWindow[]
}

/** A service account of a cluster. */
export interface ServiceAccount {
  readonly namespace: string
  readonly name: string
}

/** One unit of sync. */
export interface Application {
  readonly name: string
  readonly source: {
    readonly repository: string
    /** Fully qualified: `refs/heads/main`, `refs/tags/v1`. */
    readonly ref: string
    /** Relative to the repository's root, '/'-separated, '' for the root itself. */
    readonly path: string
    /** Shows what a pull request would change, to whoever may read; closed where it is absent. */
    readonly pullRequestPlans?: boolean
  }
  readonly destination: {
    readonly cluster: string
    readonly namespace: string
    readonly createNamespace: boolean
    /** Of that namespace: by its rights objects are written. By the worker's own where it is absent. */
    readonly serviceAccount?: string
  }
  readonly sync: SyncPolicy
  /** What becomes of the objects once the configuration has this application no more; they stay where nothing is said. */
  readonly deletionPolicy?: DeletionPolicy
  /** The name that it had before: what that one owns in the cluster becomes its own. */
  readonly renamedFrom?: string
  /** Present where the configuration stops it: nothing is applied, healed or pruned. */
  readonly suspend?: { readonly reason?: string }
  readonly dependsOn: readonly string[]
  /** Patterns of the images whose push is a reason to compare it with its cluster again. */
  readonly images?: readonly string[]
}

/** Which of the tokens (JWTs of OpenID Connect) that an issuer signs are meant. */
export interface IssuedTokens {
  /** As the tokens name it. */
  readonly issuer: string
  /** For whom the tokens are made: us alone. */
  readonly audience: string
  readonly claims: ClaimRules
  /** Since they were made. */
  readonly maxAgeMs: number
  /** Where the issuer's keys are; found by discovery where it is absent. */
  readonly jwksUri?: string
  /** Opens plain http and issuers on this machine (tests, demos). */
  readonly allowInsecure: boolean
}

/** A token for the API, and what it opens. */
export interface AccessToken {
  readonly name: string
  /** SHA-256 in hex of a token that only its holder has; where the token itself stands; or whose tokens an issuer signs. */
  readonly secret:
    | { readonly kind: 'hash'; readonly sha256: string }
    | { readonly kind: 'reference'; readonly from: SecretReference }
    | ({ readonly kind: 'issued' } & IssuedTokens)
  readonly grant: Grant
  /** From then on it opens nothing; ms since 1970. */
  readonly expiresAt?: number
}

/** An OpenID provider at which people log in. */
export interface Login {
  readonly name: string
  /** As the login page calls it. */
  readonly title: string
  readonly issuer: string
  readonly clientId: string
  /** Absent for a public client. */
  readonly clientSecretFrom?: SecretReference
  /** How the secret is sent; undefined leaves that to what the provider says. */
  readonly clientAuthentication?: 'basic' | 'post'
  /** Of gitwake, as browsers know it. */
  readonly publicOrigin: string
  readonly scopes: readonly string[]
  /** The claim that names the groups of somebody. */
  readonly groupsClaim: string
  readonly allowInsecure: boolean
  /** A session ends after this time, and after idling for that. */
  readonly lifetimeMs: number
  readonly idleMs: number
  readonly people: readonly People[]
}

/** Who among the people of a provider gets a right: everybody whom one of the lists names. */
export interface People {
  readonly name: string
  readonly everybody: boolean
  readonly groups: readonly string[]
  /** Verified addresses; `*` stands for any text before the @. */
  readonly emails: readonly string[]
  readonly subjects: readonly string[]
  readonly grant: Grant
}

/** Everything the files configure: valid as a whole, frozen, names resolved. */
export interface Configuration {
  /** Changes with every accepted reload. */
  readonly version: number
  readonly repositories: ReadonlyMap<string, Repository>
  readonly clusters: ReadonlyMap<string, Cluster>
  readonly applications: ReadonlyMap<string, Application>
  readonly tokens: ReadonlyMap<string, AccessToken>
  readonly logins: ReadonlyMap<string, Login>
}

/** The configuration as of now; a reload changes what it returns, never an object it has returned. */
export type CurrentConfiguration = () => Configuration
