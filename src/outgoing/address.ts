import { BlockList, isIP } from 'node:net'
import { ipv6Groups } from '../model/ip-address.ts'

const local = new BlockList()
local.addSubnet('0.0.0.0', 8, 'ipv4')
local.addSubnet('127.0.0.0', 8, 'ipv4')
local.addSubnet('169.254.0.0', 16, 'ipv4')
local.addSubnet('224.0.0.0', 3, 'ipv4')
local.addAddress('::', 'ipv6')
local.addAddress('::1', 'ipv6')
local.addSubnet('fe80::', 10, 'ipv6')
local.addSubnet('ff00::', 8, 'ipv6')
// Metadata services beside the link: of Alibaba, Azure, Oracle and Amazon.
for (const address of ['100.100.100.200', '168.63.129.16', '192.0.0.192']) local.addAddress(address, 'ipv4')
// Over IPv6: of Google, Oracle, Akamai, Scaleway and Alibaba; Amazon has others there, too (credentials of Pods).
for (const address of ['fd20:ce::254', 'fd00:c1::a9fe:a9fe', 'fd00:a9fe:a9fe::1', 'fd00:42::42', 'fd00:100::100:200'])
  local.addAddress(address, 'ipv6')
local.addSubnet('fd00:ec2::', 32, 'ipv6')

const localNames = /^(?:localhost|.*\.localhost|localhost\.localdomain|ip6-(?:localhost|loopback)|metadata\.google\.internal)$/u

/**
 * Whether a host is this machine, its link, a metadata service or many machines at once, however it is written: as number, octal, hex, with dots at
 * its end, as IPv6 that carries an IPv4 address. Private networks are not: Git hosts and identity providers live there.
 * A name is judged by itself; where it leads is judged by `judgedAddresses`, at the moment of use.
 */
export function isLocalHost(host: string): boolean {
  const name = spelled(host)
  return isIP(name) === 0 ? localNames.test(name) : isLocalAddress(name)
}

/** The same of an IP address. */
export function isLocalAddress(address: string): boolean {
  const [bare = ''] = address.split('%')
  if (isIP(bare) === 4) return local.check(bare, 'ipv4')
  if (isIP(bare) !== 6 || local.check(bare, 'ipv6')) return true
  return carried(bare).some((inner) => local.check(inner, 'ipv4'))
}

/** As WHATWG URLs spell it, which is what curl and the C library understand too: IPv4 dotted, IPv6 without brackets. */
function spelled(host: string): string {
  const bare = host.replace(/^\[|\]$/gu, '').toLowerCase()
  const name = isIP(bare) === 6 ? bare : (URL.parse(`https://${bare}`)?.hostname ?? bare)
  return name.replace(/\.+$/u, '')
}

/** Prefixes whose last 32 bits are an IPv4 address: compatible, mapped, translated (RFC 7915, 6052, 8215) and ISATAP ones. */
const endsInIpv4 = /^(?:0:0:0:0:0:(?:0|ffff)|0:0:0:0:ffff:0|64:ff9b:0:0:0:0|64:ff9b:1:.*|.*:(?:0|200):5efe)$/u

/** The IPv4 addresses to which an IPv6 address may lead. */
function carried(address: string): readonly string[] {
  const groups = ipv6Groups(address)
  const ofGroup = (index: number): string => dotted(groups[index] ?? '0', groups[index + 1] ?? '0')
  return [...(endsInIpv4.test(groups.slice(0, 6).join(':')) ? [ofGroup(6)] : []), ...(groups[0] === '2002' ? [ofGroup(1)] : [])]
}

function dotted(high: string, low: string): string {
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [a >> 8, a & 255, b >> 8, b & 255].join('.')
}
