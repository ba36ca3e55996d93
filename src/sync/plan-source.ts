import type { Application, Repository } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import type { PlanSubject } from '../model/plan-report.ts'
import type { Tree } from '../model/tree.ts'
import type { HeadsSeen, Source } from './ports.ts'

/** The refs under which hosts publish the head of a pull request: GitHub and Gitea, GitLab, Bitbucket Data Center. */
const PULL_REFS = [
  (pull: number): string => `refs/pull/${pull}/head`,
  (pull: number): string => `refs/merge-requests/${pull}/head`,
  (pull: number): string => `refs/pull-requests/${pull}/from`,
]

/**
 * The commit that a plan is for. Only what the configured repository itself publishes: hosts also hand out the commits of forks by their
 * id, so an id from a request is never fetched, but looked for among the heads of branches and tags, and among those that the configured
 * branch has had.
 */
export async function resolveSubject(
  subject: PlanSubject,
  { application, repository, signal }: { application: Application; repository: Repository; signal: AbortSignal },
  { source, heads }: { readonly source: Source; readonly heads: HeadsSeen },
): Promise<Tree> {
  const { ref, pullRequestPlans } = application.source
  switch (subject.of) {
    case 'head':
      return await source.fetch(repository, ref, signal)
    case 'ref':
      return await source.fetch(repository, subject.ref, signal)
    case 'pull': {
      if (pullRequestPlans !== true) throw closed(application)
      const candidates = PULL_REFS.map((name) => name(subject.pull))
      const found = await source.heads(repository, candidates, signal)
      const name = candidates.find((candidate) => found.has(candidate))
      if (name === undefined) throw notPublished(`repository ${repository.name} has no pull request ${subject.pull}`)
      return await source.fetch(repository, name, signal)
    }
    case 'revision': {
      const { revision } = subject
      const name = await source.refAt(repository, revision, signal)
      const tree = name === undefined ? undefined : await source.fetch(repository, name, signal)
      // The branch may have moved between the two looks.
      if (tree?.revision === revision) return tree
      const before = (await heads.has(repository.name, ref, revision)) ? await source.open(repository, revision, signal) : undefined
      if (before !== undefined) return before
      throw notPublished(`${revision} is the head of no branch and no tag of repository ${repository.name}, and was none of ${ref} lately`)
    }
  }
}

function closed({ name }: Application): GitwakeError {
  return new GitwakeError('pull-request-plans-closed', `${name} does not show plans of pull requests`, {
    fix: 'Set spec.source.pullRequestPlans: true, if whoever may open a pull request may have its manifests tried against this cluster (dry-run).',
  })
}

function notPublished(message: string): GitwakeError {
  return new GitwakeError('revision-not-found', message, { fix: 'Push it as a branch of this repository, and plan that.' })
}
