import type { Cluster, Redis as Single } from 'ioredis'

/** A client of Redis, be that one server or a Redis Cluster. Commands about keys of several `{…}` tags never go out as one. */
export type Redis = Single | Cluster
