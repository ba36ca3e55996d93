import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cleaned, missingRef, remoteFailure, summary } from '../../src/source/failure.ts'

const url = 'https://git.example.org/acme/certificate-timeout-fsck.git'

test('what git, curl and ssh say is told apart', () => {
  const told: Readonly<Record<string, string | undefined>> = {
    [`fatal: unable to access '${url}/': server certificate verification failed. CAfile: none CRLfile: none`]: 'tls-untrusted',
    [`fatal: unable to access '${url}/': SSL certificate problem: self-signed certificate`]: 'tls-untrusted',
    [`fatal: unable to access '${url}/': Could not resolve host: git.example.org`]: 'git-unreachable',
    [`fatal: unable to access '${url}/': The requested URL returned error: 404`]: 'repository-not-found',
    [`remote: Not Found\nfatal: repository '${url}/' not found`]: 'repository-not-found',
    [`remote: HTTP Basic: Access denied\nfatal: Authentication failed for '${url}/'`]: 'git-authentication',
    "fatal: could not read Username for 'https://github.com': terminal prompts disabled": 'git-authentication',
    'git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.': 'git-authentication',
    'Host key verification failed.\nfatal: Could not read from remote repository.': 'host-key-unknown',
    'ssh: connect to host git.example.org port 22: Connection refused\nfatal: Could not read from remote repository.': 'git-unreachable',
    'ERROR: Repository not found.\nfatal: Could not read from remote repository.': 'repository-not-found',
    'error: RPC failed; curl 18 transfer closed with outstanding read data remaining\nfatal: early EOF': 'git-unreachable',
    'error: RPC failed; HTTP 429 curl 22 The requested URL returned error: 429': 'git-unreachable',
    'fatal: write error: No space left on device': 'disk-full',
    'error: object 1234: zeroPaddedFilemode: contains zero-padded file modes\nfatal: fsck error in packed object': 'objects-refused',
    "fatal: transport 'ext' not allowed": 'url-refused',
    'fatal: bad object refs/gitwake/abc': undefined,
    [`fatal: something nobody knows about '${url}'`]: undefined,
  }
  for (const [stderr, code] of Object.entries(told)) assert.equal(remoteFailure('shop', url, stderr)?.code, code, stderr)
})

test('only git itself can say that a ref is missing', () => {
  assert.equal(missingRef("fatal: couldn't find remote ref refs/heads/x\n"), 'refs/heads/x')
  assert.equal(missingRef("remote: fatal: couldn't find remote ref refs/heads/x\n"), undefined)
})

test('secrets, userinfo and terminal escapes do not survive', () => {
  const text = cleaned('remote: \u001b[2Jtoken s3cret in https://u:p@h/x\u0007', ['s3cret', ''])
  assert.equal(text, 'remote:  [2Jtoken *** in https://***@h/x ')
})

test('a message is one bounded line without advice for terminals', () => {
  const stderr =
    "fatal: '/x' does not appear to be a git repository\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n"
  assert.equal(summary(stderr), "'/x' does not appear to be a git repository")
  assert.equal(summary(''), 'git gave no reason')
  assert.ok(summary('x'.repeat(10_000)).length <= 500)
})
