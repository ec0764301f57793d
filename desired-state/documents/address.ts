import { BlockList, isIP } from 'node:net'

const linkLocal = new BlockList()
linkLocal.addSubnet('169.254.0.0', 16, 'ipv4')
linkLocal.addSubnet('fe80::', 10, 'ipv6')

/** Where clouds answer questions about a machine, its keys among them. */
const metadata = new BlockList()
metadata.addAddress('fd00:ec2::254', 'ipv6')
metadata.addAddress('fd20:ce::254', 'ipv6')
metadata.addAddress('100.100.100.200', 'ipv4')
metadata.addAddress('168.63.129.16', 'ipv4')
metadata.addAddress('192.0.0.192', 'ipv4')

/** IPv4 in the clothes of IPv6: NAT64, 6to4 and the old compatible form. IPv4-mapped addresses are known to BlockList. */
const translated = new BlockList()
translated.addSubnet('64:ff9b::', 96, 'ipv6')
translated.addSubnet('64:ff9b:1::', 48, 'ipv6')
translated.addSubnet('2002::', 16, 'ipv6')
translated.addSubnet('::', 96, 'ipv6')

const notOneHost = new BlockList()
notOneHost.addSubnet('0.0.0.0', 8, 'ipv4')
notOneHost.addSubnet('224.0.0.0', 4, 'ipv4')
notOneHost.addAddress('255.255.255.255', 'ipv4')
notOneHost.addSubnet('ff00::', 8, 'ipv6')

const metadataNames = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'metadata.platformequinix.com',
  'metadata.tencentyun.com',
  'instance-data',
  'instance-data.ec2.internal',
])

/**
 * Why the server must not be made to speak to this address or name for others, or undefined when it may. Names are judged
 * by themselves: whoever resolves one asks again with each address.
 */
export function whyUnreachable(host: string): string | undefined {
  const bare = host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase()
  const version = isIP(bare)
  if (version === 0) return metadataNames.has(bare) ? 'names the metadata service of a cloud' : undefined
  const family = version === 4 ? 'ipv4' : 'ipv6'
  if (linkLocal.check(bare, family)) return 'is a link-local address, where clouds keep their metadata'
  if (metadata.check(bare, family)) return 'is the metadata service of a cloud'
  if (bare === '::1') return undefined
  if (family === 'ipv6' && translated.check(bare, family)) return 'hides an IPv4 address: write the IPv4 address itself'
  return notOneHost.check(bare, family) ? 'is not the address of one host' : undefined
}
