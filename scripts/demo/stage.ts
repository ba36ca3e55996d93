import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureKustomize } from '../../test/support/build.ts'
import type { Log } from '../../test/support/checkout.ts'
import { startControlPlane } from '../../test/support/control-plane.ts'
import { randomFreePort } from '../../test/support/free-port.ts'
import { startGitServer, type GitRepository, type RefUpdate } from '../../test/support/git-server.ts'
import { createTempFolder } from '../../test/support/temp-folder.ts'
import { createApi, type Api } from './api.ts'
import { openClusterClient, type ClusterClient } from './cluster-client.ts'
import { startGitwake, type GitwakeProcess } from './gitwake.ts'
import { borrowOrStartRedis } from './redis.ts'
import { configuration, openingFiles } from './shop.ts'

/** Everything that the story plays on. */
export interface Stage {
  readonly api: Api
  readonly cluster: ClusterClient
  readonly repository: GitRepository
  /** The newest ref that moved, as a Git host would tell of it. */
  readonly lastPush: () => RefUpdate
  readonly gitwake: GitwakeProcess
  readonly token: string
  readonly kubeconfig: string
  /** Rejects when gitwake or the cluster ends before it was told to. */
  readonly failed: Promise<never>
}

/** Keeps what has been started, so that all of it ends in the opposite order. */
export type Later = (end: () => unknown) => void

/** Starts Redis, cluster, Git server and gitwake, and hands the end of each to `later` as soon as it runs. */
export async function setStage(log: Log, later: Later, signal: AbortSignal): Promise<Stage> {
  const kustomize = await ensureKustomize(log, signal)
  const folder = await createTempFolder('gitwake-demo-')
  later(() => folder.remove())
  const redis = await borrowOrStartRedis(log)
  later(() => redis.close())
  signal.throwIfAborted()

  log('starting a Kubernetes control plane')
  const plane = await startControlPlane({ log, signal })
  later(() => plane.stop())
  log(`Kubernetes ${plane.version} is ready at ${plane.server}`)
  const cluster = await openClusterClient(plane)
  later(() => cluster.close())

  const git = await startGitServer()
  later(() => git.stop())
  const pushes: RefUpdate[] = []
  git.onPush((update) => pushes.push(update))
  const repository = await git.createRepository('shop', openingFiles)
  log(`the shop's Git repository is at ${repository.url}`)

  const configurationFile = join(folder.path, 'gitwake.yaml')
  await writeFile(configurationFile, configuration({ repositoryUrl: repository.url, kubeconfig: plane.kubeconfig, cluster: 'demo' }))
  const token = randomBytes(24).toString('hex')
  const webhookSecret = randomBytes(24).toString('hex')
  signal.throwIfAborted()
  const gitwake = await startGitwake(
    await randomFreePort(),
    {
      REDIS_URL: redis.url,
      GITWAKE_CONFIG: configurationFile,
      GITWAKE_API_TOKEN: token,
      GITHUB_WEBHOOK_SECRET: webhookSecret,
      GITWAKE_CACHE_DIR: join(folder.path, 'git-cache'),
      GITWAKE_KUSTOMIZE: kustomize,
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn',
    },
    signal,
  )
  later(() => gitwake.stop())
  log(`gitwake is ready at ${gitwake.url}`)
  return {
    api: createApi({ url: gitwake.url, token, webhookSecret, signal }),
    cluster,
    repository,
    lastPush: () => {
      const push = pushes.at(-1)
      if (push === undefined) throw new Error('nothing was pushed yet')
      return push
    },
    gitwake,
    token,
    kubeconfig: plane.kubeconfig,
    failed: Promise.race([gitwake.failed, plane.ended.then((reason) => (reason === null ? never() : Promise.reject(reason)))]),
  }
}

function never(): Promise<never> {
  return Promise.withResolvers<never>().promise
}
