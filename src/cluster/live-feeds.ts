import { textAt } from '../health/fields.ts'
import { GitwakeError } from '../model/error.ts'
import { parseJson } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import type { LiveObject } from '../model/object.ts'
import type { ClusterConnection } from './connect.ts'
import { METADATA_LIST } from './metadata.ts'
import { collectionPath } from './paths.ts'
import { pause } from './pause.ts'
import { watchCollection } from './watch.ts'

/** Who wants to know of the changes of one application's objects of one kind. */
export interface Follower {
  readonly changed: (type: 'added' | 'modified' | 'deleted', object: LiveObject) => void
  /** What changed until now may not have been told: a LIST must tell. Changes after that LIST are. */
  readonly mustList: () => void
  readonly failed: (error: unknown) => void
}

/**
 * Live objects with their status, as they change: one watch per kind and cluster (or namespace, where only namespaces are granted) for everybody who follows, so that hundreds of stuck
 * rollouts cost no more connections than one. There is no watch where nobody follows.
 */
export interface LiveFeeds {
  /** Follows the objects of one application from the version of a LIST on. Returns how to leave. */
  follow(followed: Followed, resourceVersion: string, follower: Follower): () => void
}

/** What is followed: the objects of one kind that one application has, in one namespace or ('') in all. */
export interface Followed {
  readonly resource: ResourceKind
  readonly namespace: string
  /** The ApplySet id that they carry as a label. */
  readonly applySet: string
}

interface Feed {
  readonly followers: Map<string, Set<Follower>>
  readonly stop: AbortController
}

/** Between the loss of a watch and the next one. */
const AGAIN_MS = 1000

export function createLiveFeeds(connection: ClusterConnection): LiveFeeds {
  const feeds = new Map<string, Feed>()

  function open(path: string, resourceVersion: string): Feed {
    const feed: Feed = { followers: new Map(), stop: new AbortController() }
    feeds.set(path, feed)
    run(connection, path, feed, resourceVersion).catch((error: unknown) => {
      if (!feed.stop.signal.aborted) for (const follower of everybody(feed)) follower.failed(error)
    })
    return feed
  }

  return {
    follow({ resource, namespace, applySet }, resourceVersion, follower) {
      const path = collectionPath(resource, namespace)
      const running = feeds.get(path)
      const feed = running ?? open(path, resourceVersion)
      const followers = feed.followers.get(applySet) ?? new Set()
      feed.followers.set(applySet, followers.add(follower))
      // A watch that was there before may be ahead of the follower's LIST.
      if (running !== undefined) follower.mustList()
      return () => {
        followers.delete(follower)
        if (followers.size === 0 && feed.followers.get(applySet) === followers) feed.followers.delete(applySet)
        if (feed.followers.size > 0 || feeds.get(path) !== feed) return
        feeds.delete(path)
        feed.stop.abort()
      }
    },
  }
}

/** Until the feed is stopped. */
async function run(connection: ClusterConnection, path: string, feed: Feed, from: string): Promise<void> {
  const { signal } = feed.stop
  for (let resourceVersion: string | undefined = from; ;) {
    if (resourceVersion !== undefined) {
      const events = watchCollection({ connection, path, query: { labelSelector: PART_OF_LABEL }, resourceVersion, signal })
      for await (const event of events) if ('object' in event) dispatch(feed, event.type, event.object)
    }
    await pause(AGAIN_MS, signal)
    resourceVersion = await currentVersion(connection, path, signal)
    // Only now: whoever lists from here on misses nothing that comes after. Where nothing can be listed, that LIST tells why.
    for (const follower of everybody(feed)) follower.mustList()
  }
}

/** From where on to watch; undefined where the server does not say. */
async function currentVersion(connection: ClusterConnection, path: string, signal: AbortSignal): Promise<string | undefined> {
  const query = { labelSelector: PART_OF_LABEL, limit: 1 }
  try {
    const answer = await connection.request({ method: 'GET', path, query, accept: METADATA_LIST, signal })
    return answer.status === 200 ? textAt(parseJson(answer.text), 'metadata', 'resourceVersion') : undefined
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof GitwakeError) return undefined
    throw error
  }
}

function dispatch({ followers }: Feed, type: 'added' | 'modified' | 'deleted', object: LiveObject): void {
  for (const follower of followers.get(object.metadata.labels?.[PART_OF_LABEL] ?? '') ?? []) follower.changed(type, object)
}

function everybody({ followers }: Feed): readonly Follower[] {
  return [...followers.values()].flatMap((some) => [...some])
}
