import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { type Clock, systemClock } from '../../runtime/os/clock.ts'
import type { spawn } from '../../runtime/os/spawn.ts'
import type { FoundSet } from './provider.ts'
import { type Bind, bindProviders, reaching, type Secondary, startBind, startSecondary } from './testing/bind.ts'
import { createDesk } from './testing/grounds.ts'

setDefaultTimeout(120_000)

const zone = 'example.com'
let bind: Bind
let second: Secondary
let ports: Map<string, number>
/** Questions that went to the second server. */
let asked: number
/** Milliseconds that have gone by beside those that really have. */
let ahead: number
/** Milliseconds that somebody has set the wall clock ahead. */
let setTo: number
let desk: Awaited<ReturnType<typeof createDesk>>
let home: string | undefined
let stop: () => void
let woken: PromiseWithResolvers<void>
/** Ends the long waits. */
let late: PromiseWithResolvers<void>

/** Waits are short, and time goes by when it is told to. */
const clock: Clock = {
  now: () => new Date(Date.now() + ahead + setTo),
  sleep: (milliseconds, signal) => (milliseconds > 5_000 ? late.promise : systemClock.sleep(Math.min(milliseconds, 40), signal)),
}
const counting: typeof spawn = (argv, options) => {
  if (argv[1] === '@127.0.0.2') asked++
  return reaching(ports)(argv, options)
}
const set = (name: string, ...values: readonly string[]): FoundSet => ({ name: `${name}.${zone}`, type: 'A', ttl: 300, values })

beforeAll(async () => {
  bind = await startBind([zone], ['127.0.0.2'])
  second = await startSecondary(bind, [zone])
})
afterAll(async () => {
  await second?.[Symbol.asyncDispose]()
  await bind?.[Symbol.asyncDispose]()
})
const start = async () => {
  stop?.()
  desk = await createDesk({ declared: bind.declared, providersOf: () => bindProviders(bind, { spawn: counting }) }, zone, {
    ...{ clock, elapsed: () => performance.now() + ahead },
    ...(home !== undefined && { home }),
  })
  home = desk.folder
  stop = desk.propagation.watch(() => woken.resolve())
}
beforeEach(async () => {
  ports = new Map([['127.0.0.2', second.port]])
  asked = 0
  ahead = 0
  setTo = 0
  home = undefined
  woken = Promise.withResolvers()
  late = Promise.withResolvers()
  await start()
})
afterEach(async () => {
  ports.set('127.0.0.2', second.port)
  await desk.converge(desk.desiredOf([]))
  await second.notify(zone)
  stop()
  await desk[Symbol.asyncDispose]()
})

/** How everything stands that is not simply ready. */
const standing = async (sets: readonly FoundSet[]) => {
  const { changes, obstacles, notes } = await desk.look(desk.desiredOf(sets))
  return {
    changes: changes.length,
    open: obstacles.map(({ key, state, message }) => `${key} ${state}: ${message}`),
    notes: [...(notes ?? [])].map(([key, note]) => `${key}: ${note}`),
  }
}
/** Looks at every wake, as the engine does. */
const until = async (sets: readonly FoundSet[], holds: (found: Awaited<ReturnType<typeof standing>>) => boolean) => {
  for (;;) {
    woken = Promise.withResolvers()
    const found = await standing(sets)
    if (holds(found)) return found
    await Promise.race([woken.promise, Bun.sleep(60_000).then(() => Promise.reject(new Error(JSON.stringify(found))))])
  }
}
const isReady = ({ open, changes }: Awaited<ReturnType<typeof standing>>) => open.length + changes === 0
const names = (message: string) => (found: Awaited<ReturnType<typeof standing>>) =>
  found.open.some(line => line.includes(message))

test('a record is ready once every server of its zone has it, and says meanwhile which one it waits for', async () => {
  const wanted = [set('www', '203.0.113.1')]
  await desk.converge(desk.desiredOf(wanted))
  const { open } = await until(wanted, names('ns2'))
  const why = 'reconciling: waits for ns2.example.com, which has it not yet'
  expect(open).toEqual([`example.com ${why}`, `www.example.com/A ${why}`])
  const spread = desk.propagation.until(['www.example.com'], () => {}, AbortSignal.timeout(30_000))
  await second.notify(zone)
  expect((await until(wanted, isReady)).notes).toEqual(['example.com: 1 of its records is kept from here, at 127.0.0.1'])
  await spread
})

test('what waits for a record is told by its servers when nobody looks at the zone again, and waits for a minute at most', async () => {
  const heard: string[] = []
  const spread = () => desk.propagation.until(['left.example.com'], message => heard.push(message), AbortSignal.timeout(30_000))
  const wanted = [set('left', '203.0.113.1')]
  await desk.converge(desk.desiredOf(wanted))
  await second.notify(zone)
  await until(wanted, isReady)
  const written = wanted.map(one => ({ type: 'put', set: one, before: undefined }) as const)
  desk.propagation.wrote({ zone, provider: bind.declared }, written)
  await spread()
  await desk.converge(desk.desiredOf([set('left', '203.0.113.2')]))
  const given = spread()
  expect(heard).toHaveLength(2)
  late.resolve()
  await given
  ahead += 61_000
  await spread()
  expect(heard).toHaveLength(2)
})

test('one that is taken out is gone once it is gone everywhere', async () => {
  await desk.converge(desk.desiredOf([set('old', '203.0.113.1')]))
  await second.notify(zone)
  await until([set('old', '203.0.113.1')], isReady)
  await desk.converge(desk.desiredOf([]))
  expect((await until([], names('ns2'))).open).toContainEqual(expect.stringContaining('old.example.com/A reconciling'))
  await second.notify(zone)
  await until([], isReady)
})

test('when nothing changes no other server is asked', async () => {
  const wanted = [set('calm', '203.0.113.1')]
  await desk.converge(desk.desiredOf(wanted))
  await second.notify(zone)
  await until(wanted, isReady)
  const before = asked
  for (let look = 0; look < 3; look++) await standing(wanted)
  ahead += 3_600_000
  await standing(wanted)
  expect(asked).toBe(before)
})

test('a server that is dead for good holds up one change for a minute, and is then said until it has caught up', async () => {
  ports.set('127.0.0.2', 1)
  const first = [set('a', '203.0.113.1')]
  await desk.converge(desk.desiredOf(first))
  await until(first, names('ns2.example.com, which does not answer'))
  ahead += 61_000
  const lost = 'without ns2.example.com, which does not answer; it is not waited for'
  const { notes } = await until(first, isReady)
  expect(notes).toEqual([`a.example.com/A: ${lost}`, `example.com: 1 of its records is kept from here, at 127.0.0.1, ${lost}`])
  expect(desk.propagation.missing(zone)).toBe(lost)
  const both = [...first, set('b', '203.0.113.2')]
  await desk.converge(desk.desiredOf(both))
  expect((await until(both, isReady)).notes).toContain(`b.example.com/A: ${lost}`)
  const before = asked
  await standing(both)
  expect(asked).toBe(before)
  ports.set('127.0.0.2', second.port)
  await second.notify(zone)
  while ((await second.ask('b.example.com', 'A')).length === 0) await Bun.sleep(5)
  ahead += 601_000
  await until(both, ({ notes }) => !notes.some(note => note.includes('ns2')))
})

test('a wall clock that is set makes no server wait longer, and gives up on none sooner', async () => {
  ports.set('127.0.0.2', 1)
  const wanted = [set('set', '203.0.113.1')]
  await desk.converge(desk.desiredOf(wanted))
  await until(wanted, names('ns2.example.com, which does not answer'))
  setTo = 3_600_000
  const asking = asked
  while (asked < asking + 2) await Bun.sleep(5)
  expect(isReady(await standing(wanted))).toBe(false)
  setTo = -3_600_000
  ahead += 61_000
  await until(wanted, isReady)
})

test('after a restart servers are asked once, and one that is behind is waited for as before', async () => {
  const wanted = [set('kept', '203.0.113.1')]
  await desk.converge(desk.desiredOf(wanted))
  await start()
  await until(wanted, names('ns2.example.com, which has it not yet'))
  await second.notify(zone)
  await until(wanted, isReady)
  await start()
  ports.set('127.0.0.2', 1)
  expect((await until(wanted, isReady)).notes[0]).toContain('without ns2.example.com, which does not answer')
})

test('a server that numbers the zone in its own way is level when it has the records', async () => {
  await using other = await startBind([zone])
  await other.byHand('update add own.example.com. 300 A 203.0.113.1')
  ports.set('127.0.0.2', other.port)
  const wanted = [set('own', '203.0.113.1')]
  await desk.converge(desk.desiredOf(wanted))
  await until(wanted, isReady)
  const more = [...wanted, set('not-there', '203.0.113.2')]
  await desk.converge(desk.desiredOf(more))
  await until(more, names('ns2.example.com, which has it not yet'))
})
