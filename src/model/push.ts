import type { Image } from './image.ts'

/** Who may send webhooks. `gitea` is Forgejo too; `standard` and `hmac` are pipelines and scripts; `dockerhub` and `harbor` tell of images. */
export type Provider = 'github' | 'gitlab' | 'gitea' | 'bitbucket' | 'azure' | 'dockerhub' | 'harbor' | 'standard' | 'hmac'

/** One authentic push, decoded: hints only (design.md: a webhook is a hint; nothing in it is believed). */
export interface Push {
  readonly kind: 'push'
  /** Every URL under which the payload names its repository (clone, ssh, web). */
  readonly repositoryUrls: readonly string[]
  /** Fully qualified: `refs/heads/main` or `refs/tags/v1`. */
  readonly ref: string
  /** Undefined where the sender does not say. */
  readonly before: string | undefined
  /** Undefined where the sender does not say. */
  readonly after: string | undefined
  readonly deleted: boolean
  readonly created: boolean
  readonly forced: boolean
  /** Paths that the push touched; undefined where the list is cut or unknown. */
  readonly changedPaths: readonly string[] | undefined
  /** Who pushed, for the audit trail. */
  readonly actor: string | undefined
}

/** Images that were pushed to a registry: a reason to compare whoever listens to them with the cluster again. Nothing in it is believed. */
export interface ImagePush {
  readonly kind: 'image'
  readonly images: readonly Image[]
  readonly actor: string | undefined
}

/** A pull or merge request, decoded: it starts nothing by itself. What a plan of it shows is fetched by its number, never by what stands here. */
export interface PullRequest {
  readonly kind: 'pull request'
  readonly repositoryUrls: readonly string[]
  readonly number: number
  readonly action: PullRequestAction
  /** Fully qualified, in the repository that it comes from. */
  readonly source: string
  /** Fully qualified, in the repository that it goes to. */
  readonly target: string
  /** The head that it asks to be merged; undefined where the sender names it by its first digits only. */
  readonly revision: string | undefined
  /** It comes from another repository, or from one that is gone: whoever wrote it may have no right to push here. */
  readonly isFork: boolean
  readonly actor: string | undefined
}

/** `updated`: it has another head, or another target. */
export type PullRequestAction = 'opened' | 'updated' | 'merged' | 'closed'

/** A repository that is called otherwise, or belongs to somebody else, from now on. */
export interface Rename {
  readonly kind: 'rename'
  readonly event: string
  /** Where it was; a sender that does not name its host says only the path. */
  readonly from: { readonly host?: string; readonly path: string }
  /** What it is called now: a URL, or a path on the same host. */
  readonly to: string
}

/** An authentic request that asks for nothing: a ping, or an event gitwake does not use. */
export interface Ignored {
  readonly kind: 'ignored'
  readonly event: string
  readonly reason: string
}

/** One webhook request whose signature held. */
export interface Delivery {
  readonly provider: Provider
  readonly id: string
  /** sha256 of the raw body: the same id with another body is not a duplicate. */
  readonly bodyDigest: string
  readonly receivedAt: number
  /** The repository that the URL named (`/hooks/github/shop`), if any. */
  readonly repository: string | undefined
  readonly event: Push | ImagePush | PullRequest | Ignored
  /** Why it wakes nobody, where that is so. */
  readonly ignored?: string
}
