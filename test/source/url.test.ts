import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GitwakeError } from '../../src/model/error.ts'
import { checkUrl } from '../../src/source/url.ts'

const secure = { allowInsecure: false }

test('https and ssh URLs of other hosts are accepted, with host and port', () => {
  const accepted: Readonly<Record<string, readonly [string, string]>> = {
    'https://github.com/acme/shop.git': ['https', 'github.com'],
    'https://git.example.org:8443/a/b': ['https', 'git.example.org:8443'],
    'https://10.0.0.7/a.git': ['https', '10.0.0.7'],
    'https://[2001:db8::1]/a.git': ['https', '[2001:db8::1]'],
    'ssh://git@github.com/acme/shop.git': ['ssh', 'github.com'],
    'ssh://git@git.example.org:2222/~user/shop.git': ['ssh', 'git.example.org:2222'],
    'git@github.com:acme/shop.git': ['ssh', 'github.com'],
    'github.com:acme/shop.git': ['ssh', 'github.com'],
    'git@[2001:db8::1]:acme/shop.git': ['ssh', '[2001:db8::1]'],
  }
  for (const [url, [scheme, host]] of Object.entries(accepted)) {
    const remote = checkUrl(url, secure)
    assert.deepEqual([remote.scheme, remote.host], [scheme, host], url)
  }
})

test('http, file and this machine open only by allowInsecure', () => {
  const urls = [
    'http://git.example.org/a.git',
    'file:///srv/git/a.git',
    'https://localhost/a.git',
    'https://LOCALHOST./a',
    'https://x.localhost/a',
    'https://127.0.0.1/a',
    'https://127.1/a',
    'https://2130706433/a',
    'https://0x7f000001/a',
    'https://0177.0.0.1/a',
    'https://0.0.0.0/a',
    'https://0/a',
    'https://[::1]/a',
    'https://[::]/a',
    'https://[::ffff:127.0.0.1]/a',
    'https://[::ffff:7f00:1]/a',
    'https://[::127.0.0.1]/a',
    'https://[64:ff9b::7f00:1]/a',
    'https://[fe80::1]/a',
    'https://169.254.169.254/a',
    'https://100.100.100.200/a',
    'https://[fd00:ec2::254]/a',
    'https://[::ffff:169.254.169.254]/a',
    'https://2852039166/a',
    'https://metadata.google.internal/a',
    'git@localhost:a/b',
    'git@127.0.0.1:a/b',
    'ssh://git@0x7f.1/a',
    'ssh://git@2130706433/a',
    'ssh://git@[::1]:2222/a',
    'https://①②⑦.0.0.1/a',
    'https://255.255.255.255/a',
  ]
  for (const url of urls) {
    assert.throws(() => checkUrl(url, secure), { code: 'url-refused', fix: /allowInsecure|private host/ }, url)
    assert.doesNotThrow(() => checkUrl(url, { allowInsecure: true }), url)
  }
})

test('what could make git or ssh do something else is refused even with allowInsecure', () => {
  const urls = [
    'ext::sh -c id',
    'ext::sh',
    'fd::17/foo',
    'EXT::x',
    'git://github.com/a/b',
    'ftp://h/a',
    'git+ssh://h/a',
    'rsync://h/a',
    '-oProxyCommand=id',
    '--upload-pack=id',
    '-oProxyCommand=id:a/b',
    'ssh://-oProxyCommand=id/a',
    'ssh://git@-oProxyCommand=id/a',
    'git@-oProxy:a',
    'git@host:-oProxy',
    'ssh://git@host/-oProxy',
    '-git@host:a',
    'ssh://-x@host/a',
    '/srv/git/a.git',
    './a',
    '../a',
    'a',
    'https://h/a\nb',
    'https://h/a\rb',
    'https://h/a\0b',
    ' https://h/a',
    'https://h/a b',
    'https://h/a%0ab',
    'https://h/a%00',
    'https://h/%7f',
    'https://h\\@evil/a',
    'ssh://h/a\\b',
    'https://h',
    'https://h/',
    'https:///a',
    'https://h/a?x=1',
    'https://h/a#x',
    'https://git.example.org./a',
    'http://git.example.org.:8080/a',
    'ssh://h/a?x',
    'file://host/a',
    'file://a',
    'file:///',
    'file:///-x',
    'git@host:',
    '@host:a',
    'host::a',
    'git@h;id:a',
    'git@$(id):a',
    'git@h`id`:a',
    'ssh://h:99999999/a',
    'https://h:99999/a',
    'https://%zz/a',
    '',
  ]
  for (const url of urls) assert.throws(() => checkUrl(url, { allowInsecure: true }), { code: 'url-refused' }, JSON.stringify(url))
})

test('credentials in a URL are refused, and the refusal does not repeat them', () => {
  for (const url of [
    'https://user:s3cret@github.com/a/b',
    'https://s3cret@github.com/a/b',
    'https://@github.com/a',
    'ssh://git:s3cret@github.com/a/b',
    'https://h/a?token=s3cret',
    'https://user:s3cret@h/a\n',
  ]) {
    assert.throws(
      () => checkUrl(url, secure),
      (error) => error instanceof GitwakeError && error.code === 'url-refused' && !error.message.includes('s3cret'),
      url,
    )
  }
  assert.throws(() => checkUrl('https://user:x@github.com/a/b', secure), { fix: /spec\.credentials/ })
})
