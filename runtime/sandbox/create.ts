import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { type Boundary, openBoundary } from './boundary.ts'
import { type Gate, openGate } from './egress/gate.ts'
import { closed as noEgress } from './egress/rules.ts'
import { execute, type Watcher } from './execute.ts'
import { endOrphanedBridges } from './orphans.ts'
import { closed, findPrograms, type SandboxPrograms } from './programs.ts'
import type { Sandbox, SandboxPolicy } from './sandbox.ts'
import { proveSealed } from './sealed.ts'

export interface SandboxOptions {
  /** Addresses of a name. Default: the machine's resolver. */
  readonly lookup?: (host: string) => Promise<readonly string[]>
  readonly ownAddresses?: () => readonly string[]
  readonly now?: () => number
  /** Whether credentials are put in also where a request is not encrypted. Default: no. */
  readonly plainCredentials?: boolean
  /** Default: found on the system's own folders. */
  readonly programs?: () => SandboxPrograms
}

interface Open {
  /** What cannot be changed while it is open. */
  readonly credentials: string
  readonly gate: Gate
  readonly boundary: Boundary
}

/**
 * The sandbox of this process; there is one at a time. Everything is loaded and proven with the first command: without
 * bubblewrap, the proxy or the filter of system calls no command runs. A later policy holds for the network at once, also
 * for commands that run already; files and limits are those of the command's own policy.
 */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  let opening: Promise<Open> | undefined
  let network = ''
  const watchers = new Set<Watcher>()
  const running = new Set<Promise<unknown>>()
  const ending = new AbortController()

  const open = async (policy: SandboxPolicy): Promise<Open> => {
    if (process.getuid?.() === 0) {
      throw closed('nothing runs in the sandbox of root, whom the limits of the kernel do not bind', 'run it as another user')
    }
    const programs = (options.programs ?? findPrograms)()
    await endOrphanedBridges()
    const gate = await openGate({
      lookup: options.lookup ?? resolve,
      ownAddresses: options.ownAddresses ?? ownAddresses,
      now: options.now ?? Date.now,
      onRefusal: line => {
        for (const watcher of watchers) watcher.refused(line)
      },
      onReached: host => {
        for (const watcher of watchers) watcher.reached(host)
      },
    })
    try {
      const boundary = await openBoundary(programs, gate, {
        credentials: policy.credentials,
        plainCredentials: options.plainCredentials ?? false,
      })
      try {
        await proveSealed(boundary, programs)
        return { gate, boundary, credentials: JSON.stringify(policy.credentials) }
      } catch (error) {
        await boundary.stop()
        throw error
      }
    } catch (error) {
      await gate.stop()
      throw error
    }
  }

  const close = async (parts: Open) => {
    parts.gate.follow(noEgress)
    await parts.boundary.stop()
    await parts.gate.stop()
  }

  const begin = (previous: Promise<void>, policy: SandboxPolicy): Promise<Open> => {
    network = ''
    const begun = previous
      .then(() => open(policy))
      .catch(error => {
        // The next command tries again: somebody may have installed what was missing.
        if (opening === begun) opening = undefined
        throw error
      })
    opening = begun
    return begun
  }

  /** A killed part of the network, and other credentials, take a new whole: what still runs loses its way out. */
  const whole = async (policy: SandboxPolicy): Promise<Open> => {
    const current = opening ?? begin(Promise.resolve(), policy)
    const parts = await current
    if (parts.credentials === JSON.stringify(policy.credentials) && (await parts.boundary.isWhole())) return parts
    return opening === current || opening === undefined ? begin(close(parts), policy) : opening
  }

  const follow = ({ gate, boundary }: Open, policy: SandboxPolicy) => {
    const wanted = JSON.stringify([policy.net, policy.requestsPerMinute, policy.maxConnections, policy.downloadMebibytes])
    if (wanted === network) return
    network = wanted
    gate.follow({
      ...policy.net,
      requestsPerMinute: policy.requestsPerMinute,
      maxConnections: policy.maxConnections,
      downloadBytes: policy.downloadMebibytes === undefined ? undefined : policy.downloadMebibytes * 2 ** 20,
    })
    boundary.followNetwork()
  }

  return {
    run: async (command, policy, signal) => {
      signal.throwIfAborted()
      const parts = await whole(policy)
      follow(parts, policy)
      const run = execute(parts.boundary, command, policy, AbortSignal.any([signal, ending.signal]), watchers)
      running.add(run)
      try {
        return await run
      } finally {
        running.delete(run)
      }
    },
    stop: async () => {
      ending.abort(new Error('the sandbox was stopped'))
      await Promise.allSettled(running)
      const parts = await opening?.catch(() => undefined)
      opening = undefined
      if (parts === undefined) return
      await close(parts)
    },
  }
}

const resolve = async (host: string) => (await lookup(host, { all: true, verbatim: true })).map(one => one.address)

const ownAddresses = () => Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(one => one.address))
