const lowest = 12_000
/** Below the range from which Linux takes ports for outgoing connections (32768 and up): none of those can take ours. */
const highest = 32_000

let next = lowest + ((process.pid * 97) % (highest - lowest))

/**
 * Ports that nobody listens on, all different, and never the same ones twice in a process. A program of a test may close
 * its port and open it again: no connection takes it meanwhile, and other test processes begin elsewhere.
 */
export function freePorts(count: number): number[] {
  const ports: number[] = []
  while (ports.length < count) {
    next = next + 1 < highest ? next + 1 : lowest
    if (isFree(next)) ports.push(next)
  }
  return ports
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: '0.0.0.0', port, socket: { data() {} } }).stop(true)
    return true
  } catch {
    return false
  }
}
