import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'

/** Whether any interface has an IPv6 address; a kernel without IPv6 refuses to listen on it. */
export function hasIpv6(addresses = '/proc/net/if_inet6'): boolean {
  try {
    return readFileSync(addresses, 'utf8').trim() !== ''
  } catch {
    return false
  }
}

/** Addresses of this machine that the internet can reach, as far as the machine knows them; empty behind a router that translates. */
export function publicAddresses(interfaces = networkInterfaces()): readonly string[] {
  const all = Object.values(interfaces).flatMap(found => found ?? [])
  return [...new Set(all.filter(({ internal }) => !internal).map(({ address }) => address))].filter(
    address => ipaddr.isValid(address) && ipaddr.parse(address).range() === 'unicast',
  )
}
