import { readFileSync } from 'node:fs'

/** Whether any interface has an IPv6 address; a kernel without IPv6 refuses to listen on it. */
export function hasIpv6(addresses = '/proc/net/if_inet6'): boolean {
  try {
    return readFileSync(addresses, 'utf8').trim() !== ''
  } catch {
    return false
  }
}
