import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseRedisUrl } from '../../src/model/redis-url.ts'

const none = { username: '', password: '' }

describe('REDIS_URL', () => {
  const taken = [
    ['redis://localhost', { kind: 'server', tls: false, hosts: [{ host: 'localhost', port: 6379 }], ...none, database: 0 }],
    ['redis://[::1]:7000/3', { kind: 'server', tls: false, hosts: [{ host: '::1', port: 7000 }], ...none, database: 3 }],
    [
      'rediss://ada:p%40ss@host',
      { kind: 'server', tls: true, hosts: [{ host: 'host', port: 6379 }], username: 'ada', password: 'p@ss', database: 0 },
    ],
    [
      'redis+sentinel://ada:p%2Fss@one,[::1]:26380/my.master/2',
      {
        kind: 'sentinels',
        tls: false,
        hosts: [
          { host: 'one', port: 26_379 },
          { host: '::1', port: 26_380 },
        ],
        master: 'my.master',
        username: 'ada',
        password: 'p/ss',
        database: 2,
      },
    ],
    [
      'rediss+sentinel://:x%zz@one:1/m',
      { kind: 'sentinels', tls: true, hosts: [{ host: 'one', port: 1 }], master: 'm', username: '', password: 'x%zz', database: 0 },
    ],
    ['redis+cluster://one', { kind: 'cluster', tls: false, hosts: [{ host: 'one', port: 6379 }], ...none }],
    [
      'rediss+cluster://ada:p%2Fss@one:7000,[::1]',
      {
        kind: 'cluster',
        tls: true,
        hosts: [
          { host: 'one', port: 7000 },
          { host: '::1', port: 6379 },
        ],
        username: 'ada',
        password: 'p/ss',
      },
    ],
  ] as const
  for (const [url, address] of taken) test(`is read: ${url}`, () => assert.deepEqual(parseRedisUrl(url), address))

  const refused = [
    '', 'host:6379', 'http://host', 'redis://', 'redis+sentinel://one,two', 'redis+sentinel:///master', 'redis+sentinel://one,,two/master',
    'redis+sentinel://one:port/master', 'redis+sentinel://one/master/x', 'redis+sentinel://one/a/b/c', 'redis+cluster://one/1', 'redis+cluster://one,,two', 'redis+cluster://', 'redis+ring://one',
  ] // prettier-ignore
  for (const url of refused) test(`is refused: "${url}"`, () => assert.equal(parseRedisUrl(url), undefined))
})
