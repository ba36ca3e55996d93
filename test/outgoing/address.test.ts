import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isLocalAddress, isLocalHost } from '../../src/outgoing/address.ts'
import { urlProblem } from '../../src/outgoing/url.ts'

type Octets = readonly [number, number, number, number]

const octet = fc.integer({ min: 0, max: 255 })
const below = (...first: readonly (readonly [least: number, most: number])[]) =>
  fc.oneof(...first.map(([min, max]) => fc.tuple(fc.integer({ min, max }), octet, octet, octet)))

/** This machine, the link (with the metadata services there), many at once, nobody. */
const local: fc.Arbitrary<Octets> = fc.oneof(
  below([0, 0], [127, 127], [224, 255]),
  fc.tuple(fc.constant(169), fc.constant(254), octet, octet),
  fc.constantFrom<Octets>([100, 100, 100, 200], [168, 63, 129, 16], [169, 254, 169, 254], [192, 0, 0, 192]),
)
/** Public hosts, and those of private networks. */
const other: fc.Arbitrary<Octets> = below([1, 99], [101, 126], [128, 167], [170, 191], [193, 223])

const dotted = (octets: Octets): string => octets.join('.')
const number = ([a, b, c, d]: Octets): number => a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d
const hex = (value: number): string => value.toString(16)
const pair = ([a, b, c, d]: Octets): string => `${hex(a * 256 + b)}:${hex(c * 256 + d)}`

/** The ways in which one IPv4 address is written where the C library, curl or a browser reads it. */
const spellings: readonly ((octets: Octets) => string)[] = [
  dotted,
  (octets) => `${dotted(octets)}.`,
  (octets) => String(number(octets)),
  (octets) => `0x${hex(number(octets))}`,
  (octets) => `0X${hex(number(octets)).toUpperCase()}`,
  (octets) => `0${number(octets).toString(8)}`,
  ([a, b, c, d]) => `${a}.${b * 2 ** 16 + c * 2 ** 8 + d}`,
  ([a, b, c, d]) => `0x${hex(a)}.0${b.toString(8)}.${c * 256 + d}`,
  (octets) => [...dotted(octets)].map((char) => (char === '.' ? '。' : String.fromCodePoint(0xff10 + Number(char)))).join(''),
  (octets) => `[::ffff:${dotted(octets)}]`,
  (octets) => `[::FFFF:${pair(octets)}]`,
  (octets) => `[0:0:0:0:0:ffff:${pair(octets)}]`,
  (octets) => `[::ffff:0:${pair(octets)}]`,
  (octets) => `[64:ff9b::${pair(octets)}]`,
  (octets) => `[64:ff9b::${dotted(octets)}]`,
  (octets) => `[64:ff9b:1:1:2:3:${pair(octets)}]`,
  (octets) => `[2002:${pair(octets)}::1]`,
  (octets) => `[2001:db8::5efe:${pair(octets)}]`,
]

test('an address of this machine, its link or a metadata service is one in every spelling, and no other address is', () => {
  fc.assert(
    fc.property(local, fc.constantFrom(...spellings), (octets, spell) => {
      assert.equal(isLocalHost(spell(octets)), true, spell(octets))
      assert.match(urlProblem(`https://${spell(octets)}/x`, false) ?? '', /this machine itself/, spell(octets))
    }),
    { numRuns: 3000 },
  )
  fc.assert(
    fc.property(other, fc.constantFrom(...spellings), (octets, spell) => {
      assert.equal(isLocalHost(spell(octets)), false, spell(octets))
      assert.equal(urlProblem(`https://${spell(octets)}/x`, false), undefined, spell(octets))
    }),
    { numRuns: 3000 },
  )
})

test('IPv6 has such addresses of its own', () => {
  const refused = [
    '::',
    '::1',
    '[0:0:0:0:0:0:0:1]',
    'fe80::1',
    'fe80::1%eth0',
    'febf:ffff::1',
    'ff02::1',
    'FF0E::1',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd20:ce::254',
    'fd20:00ce:0:0::0254',
    'fd00:42::42',
    '::127.0.0.1',
  ]
  for (const address of refused) assert.equal(isLocalHost(address), true, address)
  for (const address of ['2001:db8::1', 'fd12:3456::1', '[2606:4700::1111]', 'fec0::1', '2003::7f00:1'])
    assert.equal(isLocalHost(address), false, address)
})

test('names of this machine are known by themselves; what is no address is never taken for a good one', () => {
  for (const name of [
    'localhost',
    'LOCALHOST',
    'localhost.',
    'localhost..',
    'a.b.localhost',
    'localhost.localdomain',
    'ip6-loopback',
    'metadata.google.internal.',
  ])
    assert.equal(isLocalHost(name), true, name)
  for (const name of ['localhost.example.org', 'notlocalhost', 'git.example.org', '127.0.0.1.nip.io'])
    assert.equal(isLocalHost(name), false, name)
  for (const text of ['', 'x', '127.0.0', '1', '::g', '[::1]']) assert.equal(isLocalAddress(text), true, text)
})

test('only https without credentials is fetched; http and this machine open by name', () => {
  for (const url of [
    'http://h/x',
    'ftp://h/x',
    'file:///etc/passwd',
    'data:,x',
    'javascript:0',
    '//h/x',
    'h',
    '',
    'https://u@h/',
    'https://u:p@h/',
  ])
    assert.notEqual(urlProblem(url, false), undefined, url)
  for (const url of ['ftp://h/x', 'file:///etc/passwd', 'data:,x', 'https://u:p@h/']) assert.notEqual(urlProblem(url, true), undefined, url)
  for (const url of ['http://127.0.0.1:8080/x', 'https://localhost/x']) assert.equal(urlProblem(url, true), undefined, url)
})
