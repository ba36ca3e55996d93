import { BlockList, isIP } from 'node:net'

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
local.addAddress('fd00:ec2::254', 'ipv6')

// Addresses that carry an IPv4 address in their last 32 bits: mapped, translated and compatible ones.
const embedding = /^(?:::ffff:(?:0:)?|64:ff9b::|::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/u

const localNames = /^(?:localhost|.*\.localhost|localhost\.localdomain|ip6-(?:localhost|loopback)|metadata\.google\.internal)$/u

/**
 * Whether a host, as WHATWG URLs spell it (lower case, IPv4 dotted, IPv6 in brackets), is this machine, its link or a metadata service.
 * Only what is written is judged: a public name whose DNS record points to such an address is not recognised, because git
 * resolves the name again itself. Where untrusted people write the configuration, a network policy has to close that way.
 */
export function isLocalHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/gu, '').replace(/\.$/u, '')
  const family = isIP(name)
  if (family === 0) return localNames.test(name)
  if (local.check(name, family === 6 ? 'ipv6' : 'ipv4')) return true
  const [, high, low] = embedding.exec(name) ?? []
  return high !== undefined && low !== undefined && local.check(dotted(high, low), 'ipv4')
}

function dotted(high: string, low: string): string {
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [a >> 8, a & 255, b >> 8, b & 255].join('.')
}
