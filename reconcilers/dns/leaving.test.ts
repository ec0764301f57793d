import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { createKeptZones } from './kept-zones.ts'
import type { FoundSet } from './provider.ts'
import { dropOld, inverse, keepSnapshot, snapshotNames } from './snapshots.ts'
import { dieAtStep } from './testing/die.ts'
import { bindGround, cloudflareGround, createDesk, type Ground } from './testing/grounds.ts'

setDefaultTimeout(120_000)

const zone = 'example.com'
const set = (name: string, ...values: readonly string[]): FoundSet => ({ name: `${name}.${zone}`, type: 'A', ttl: 300, values })
const grounds: Readonly<Record<string, (zone: string) => Promise<Ground>>> = { BIND: bindGround, Cloudflare: cloudflareGround }

for (const [name, start] of Object.entries(grounds)) {
  describe(name, () => {
    let ground: Ground
    beforeAll(async () => {
      ground = await start(zone)
    })
    afterAll(() => ground[Symbol.asyncDispose]())

    test('after a death at any step the next look goes on, with nothing lost or doubled', async () => {
      await using desk = await createDesk(ground, zone)
      await desk.converge(desk.desiredOf([set('gone', '203.0.113.1'), set('changed', '203.0.113.1')]))
      const steps: string[] = []
      for (let number = 0; ; number++) {
        const desired = desk.desiredOf([set('changed', `203.0.113.${number + 2}`), set(`new-${number}`, '203.0.113.9')])
        const step = await dieAtStep(desk.reconciler, desired, number)
        const { failed, after } = await desk.converge(desired)
        expect({ step, failed, changes: after.changes }).toEqual({ step, failed: [], changes: [] })
        if (step === undefined) break
        steps.push(step)
      }
      expect(steps).toEqual(['begin', 'snapshot', 'sent', 'changed'])
      await desk.converge(desk.desiredOf([]))
    })

    test('a zone that leaves dns.yaml loses what was put there from here, also after a death, and is then forgotten', async () => {
      await using desk = await createDesk(ground, zone)
      await ground.byHand(`theirs-${name.toLowerCase()}.example.com`, '203.0.113.77')
      await desk.converge(desk.desiredOf([set('ours', '203.0.113.1')]))
      const nothing = new Map()
      await dieAtStep(desk.reconciler, nothing, 1)
      const { changes, failed, after } = await desk.converge(nothing)
      expect(changes.map(({ operation, key }) => `${operation} ${key}`)).toEqual(['delete ours.example.com/A'])
      expect({ failed, changes: after.changes, obstacles: after.obstacles }).toEqual({ failed: [], changes: [], obstacles: [] })
      expect(await desk.reconciler.observe(nothing, AbortSignal.timeout(60_000))).toEqual([])
    })

    test('one that has left and cannot be reached says that records may be left there, and how to say that they are gone', async () => {
      await using desk = await createDesk(ground, zone)
      await desk.converge(desk.desiredOf([set('ours', '203.0.113.1')]))
      const gone = new ApplianceError('waiting', 'the secret DNS_KEY is not set')
      await using away = await createDesk(
        {
          ...ground,
          providersOf: () => () => ({ read: async () => Promise.reject(gone), change: async () => Promise.reject(gone) }),
        },
        zone,
        { home: desk.folder },
      )
      const { obstacles } = await away.look(new Map())
      expect(obstacles).toMatchObject([{ key: zone, state: 'waiting', reason: 'left-behind' }])
      expect(obstacles[0]?.message).toContain('the secret DNS_KEY is not set')
      expect(obstacles[0]?.message).toContain('dns forget example.com')
      await desk.converge(new Map())
    })
  })
}

test('a zone that is not there is made where that is asked for, and its records follow', async () => {
  await using ground = await cloudflareGround('other.example.org')
  await using desk = await createDesk(ground, zone)
  const wanted = [set('www', '203.0.113.1')]
  expect((await desk.look(desk.desiredOf(wanted))).obstacles.map(({ key, state }) => [key, state])).toEqual([
    ['example.com', 'stalled'],
    ['www.example.com/A', 'stalled'],
  ])
  const first = await desk.converge(desk.desiredOf(wanted, true))
  expect(first.changes.map(({ summary }) => summary)).toEqual(['make the zone at Cloudflare'])
  const second = await desk.converge(desk.desiredOf(wanted, true))
  expect(second.failed).toEqual([])
  expect(second.after.changes).toEqual([])
  expect(second.after.obstacles).toMatchObject([{ key: zone, state: 'waiting', reason: 'not-delegated' }])
})

test('of each zone the last twenty snapshots stay, and those of one that was left for ninety days', async () => {
  const root = await mkdtemp(join(tmpdir(), 'dns-'))
  try {
    const now = new Date()
    const later = (days: number) => new Date(now.getTime() + days * 86_400_000)
    const content = { sets: new Map(), ours: new Set<string>() }
    for (let second = 0; second < 25; second++)
      await keepSnapshot(join(root, zone), content, [], new Date(now.getTime() + second * 1_000))
    const names = await snapshotNames(join(root, zone))
    expect([names.length, names[0]]).toEqual([20, `${new Date(now.getTime() + 5_000).toISOString().replaceAll(':', '')}.json`])
    await keepSnapshot(join(root, 'kept.example.net'), content, [], now)
    await Bun.write(join(root, 'kept.example.net', 'dns-record-at-cloudflare.kept'), '{}')
    await Bun.write(join(root, 'kept.example.net', '.half.json.0123.tmp'), '{')
    await dropOld(root, later(89))
    expect((await readdir(root)).toSorted()).toEqual([zone, 'kept.example.net'])
    expect(await readdir(join(root, 'kept.example.net'))).toHaveLength(2)
    await dropOld(root, later(91))
    expect(await readdir(root)).toEqual(['kept.example.net'])
  } finally {
    await rm(root, { recursive: true })
  }
})

test('after a clock was years ahead, what a zone held before a change stays, and those of that time go first', async () => {
  const root = await mkdtemp(join(tmpdir(), 'dns-'))
  try {
    const now = new Date('2026-11-29T00:00:00.000Z')
    const keep = (at: Date) => keepSnapshot(join(root, zone), { sets: new Map(), ours: new Set() }, [], at)
    const seconds = (from: Date, count: number) =>
      Array.from({ length: count }, (_, index) => new Date(from.getTime() + index * 1_000))
    for (const at of seconds(new Date('2031-01-01T00:00:00.000Z'), 20)) await keep(at)
    for (const at of seconds(now, 3)) await keep(at)
    const names = await snapshotNames(join(root, zone))
    expect([names.length, names.slice(0, 4).map(name => name.slice(0, 17))]).toEqual([
      20,
      ['2026-11-29T000000', '2026-11-29T000001', '2026-11-29T000002', '2031-01-01T000000'],
    ])
  } finally {
    await rm(root, { recursive: true })
  }
})

test('two that write a zone down in the same millisecond keep both', async () => {
  const root = await mkdtemp(join(tmpdir(), 'dns-'))
  try {
    const now = new Date()
    const content = (name: string) => ({ sets: new Map([[name, set(name, '203.0.113.1')]]), ours: new Set<string>() })
    await Promise.all(['a', 'b', 'c'].map(name => keepSnapshot(join(root, zone), content(name), [], now)))
    const texts = await Promise.all((await readdir(join(root, zone))).map(name => Bun.file(join(root, zone, name)).text()))
    expect(texts.map(text => JSON.parse(text).records[0].name.split('.')[0]).sort()).toEqual(['a', 'b', 'c'])
  } finally {
    await rm(root, { recursive: true })
  }
})

test('a zone that somebody said is forgotten is remembered again when something is put into it', async () => {
  const root = await mkdtemp(join(tmpdir(), 'dns-'))
  try {
    const [ours, theirs] = [createKeptZones(root, 'dns-record'), createKeptZones(root, 'dns-record')]
    const provider = { name: 'cloud', type: 'cloudflare', token: 'secret:CLOUDFLARE_TOKEN' } as const
    await ours.keep({ zone, provider })
    await theirs.forget({ zone, provider })
    await ours.keep({ zone, provider })
    expect(await theirs.all()).toEqual([{ zone, provider }])
    const path = join(root, zone, 'dns-record-at-cloudflare.kept')
    await writeFile(path, '{"provider":')
    await expect(theirs.all()).rejects.toMatchObject({ kind: 'stalled', subject: path })
  } finally {
    await rm(root, { recursive: true })
  }
})

test('what undoes a correction is kept with what the zone held', () => {
  const [one, two] = [set('a', '203.0.113.1'), set('a', '203.0.113.2')]
  expect(inverse({ type: 'put', set: two, before: one })).toEqual({ type: 'put', set: one, before: two })
  expect(inverse({ type: 'put', set: two, before: undefined })).toEqual({ type: 'remove', before: two })
  expect(inverse({ type: 'remove', before: one })).toEqual({ type: 'put', set: one, before: undefined })
})
