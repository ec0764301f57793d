import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/os/clock.ts'
import { applyPlaces } from './apply.ts'
import type { DnsAction } from './plan.ts'
import type { Correction, Provider } from './provider.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'di-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const zone = 'example.com'
const put = (name: string): Correction => ({
  type: 'put',
  set: { name: `${name}.${zone}`, type: 'A', ttl: 300, values: ['192.0.2.1'] },
  before: undefined,
})

/** What is followed to the other servers of the zone after a change that ends so. */
async function followed(change: Provider['change'], signal = new AbortController().signal): Promise<readonly string[]> {
  const provider = {
    name: 'home',
    type: 'rfc2136',
    server: '127.0.0.1',
    port: 53,
    key: 'k',
    algorithm: 'hmac-sha256',
    secret: 's',
  } as const
  const action = (correction: Correction): DnsAction => ({ type: 'correct', zone, provider, correction })
  const changes = ['a', 'b'].map(key => ({
    ...({ kind: 'dns-record', key, operation: 'create', summary: '', fields: [] } as const),
    action: action(put(key)),
  }))
  const wrote: string[] = []
  const deps = {
    providers: () => ({ read: async () => ({ sets: new Map(), ours: new Set<string>() }), change }),
    ...{ clock: systemClock, snapshots: folder },
    kept: { keep: async () => {}, forget: async () => {}, all: async () => [] },
    propagation: {
      wrote: (_: unknown, made: readonly Correction[]) =>
        void wrote.push(...made.flatMap(each => (each.type === 'put' ? each.set.name : []))),
      look: async () => undefined,
      until: async () => {},
      missing: () => undefined,
      watch: () => () => {},
    },
  }
  await applyPlaces(deps, changes, { signal, step: async () => {}, progress: () => {} }).catch(() => {})
  return wrote
}

test('an update that was interrupted may have been taken, so that it is followed like one that was', async () => {
  const lost = async () => {
    throw new Error('the server does not answer')
  }
  expect(await followed(lost)).toEqual(['a.example.com', 'b.example.com'])
  const stop = new AbortController()
  const stopped = async () => {
    stop.abort(new Error('a newer commit takes over'))
    throw stop.signal.reason
  }
  expect(await followed(stopped, stop.signal)).toEqual(['a.example.com', 'b.example.com'])
})

test('what a server has refused is not followed', async () => {
  expect(await followed(async () => new Map([['a.example.com/A', new Error('refused')]]))).toEqual(['b.example.com'])
})
