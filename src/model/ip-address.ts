/** Where a request comes from, for limits: an IPv4 address, or the /64 that one household has of IPv6, which has all of its addresses; each in one spelling. */
export function sourceOfAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  const v4 = /^::ffff:(?=\d+\.)/iu.exec(address) ? address.slice('::ffff:'.length) : address
  return v4.includes(':')
    ? ipv6Groups(v4.split('%')[0] ?? '')
        .slice(0, 4)
        .join(':')
    : v4
}

/** All eight groups of an IPv6 address, in hex without leading zeros; as many as there are of what is none. */
export function ipv6Groups(address: string): readonly string[] {
  const canonical = URL.parse(`https://[${address}]`)?.hostname.slice(1, -1) ?? ''
  const [before = [], after] = canonical.split('::').map((half) => half.split(':').filter((group) => group !== ''))
  if (after === undefined) return [...before]
  return [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after]
}
