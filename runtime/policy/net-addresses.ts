import ipaddr from 'ipaddr.js'

/** What an address is, as far as it decides whether an agent may reach it. */
export type AddressKind = 'public' | 'loopback' | 'link-local' | 'private' | 'metadata' | 'own' | 'special'

/** Addresses of cloud providers' own services outside the link-local range. */
const metadata = [
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd20:ce::254',
  'fd00:c1::a9fe:a9fe',
  'fd00:42::42',
]

const kinds: Readonly<Record<string, AddressKind>> = {
  unicast: 'public',
  loopback: 'loopback',
  unspecified: 'loopback',
  linkLocal: 'link-local',
  private: 'private',
  uniqueLocal: 'private',
  carrierGradeNat: 'private',
}

/** `own`: the addresses of this machine. An IPv6 address that carries an IPv4 one is judged by what it carries. */
export function addressKind(address: string, own: readonly string[] = []): AddressKind {
  if (!ipaddr.isValid(address)) return 'special'
  const plain = carried(ipaddr.parse(address))
  const text = plain.toNormalizedString()
  const same = (other: string) => ipaddr.isValid(other) && carried(ipaddr.parse(other)).toNormalizedString() === text
  if (text === '169.254.169.254' || metadata.some(same)) return 'metadata'
  const kind = kinds[plain.range()] ?? 'special'
  return kind === 'public' && own.some(same) ? 'own' : kind
}

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** The IPv4 address inside a mapped, compatible, translated (NAT64), 6to4 or Teredo address; else the address itself. */
function carried(address: Address): Address {
  if (!(address instanceof ipaddr.IPv6)) return address
  const bytes = address.toByteArray()
  const four = (from: number, flip = 0) => new ipaddr.IPv4(bytes.slice(from, from + 4).map(byte => byte ^ flip))
  const zeros = (from: number, to: number) => bytes.slice(from, to).every(byte => byte === 0)
  if (address.isIPv4MappedAddress()) return address.toIPv4Address()
  switch (address.range()) {
    case 'rfc6145':
    case 'rfc6052':
      return four(12)
    case '6to4':
      return four(2)
    case 'teredo':
      return four(12, 0xff)
  }
  const compatible = zeros(0, 12) && !(zeros(12, 15) && (bytes[15] ?? 0) <= 1)
  return compatible ? four(12) : address
}

export const isAddress = (host: string): boolean => ipaddr.isValid(host)
