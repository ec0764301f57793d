import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { FoundSet } from './provider.ts'
import { bindGround, cloudflareGround, createDesk, type Ground } from './testing/grounds.ts'

setDefaultTimeout(120_000)

const zone = 'example.com'
const set = (name: string, type: FoundSet['type'], ...values: readonly string[]): FoundSet => ({
  ...{ name: name === '@' ? zone : `${name}.${zone}`, type, ttl: 300, values: values.toSorted() },
})

/** What a zone is to hold, one after the other; each follows from the one before. */
const transitions: readonly (readonly [string, readonly FoundSet[]])[] = [
  ['an address', [set('www', 'A', '203.0.113.1')]],
  ['another address', [set('www', 'A', '203.0.113.2')]],
  ['two addresses', [set('www', 'A', '203.0.113.2', '203.0.113.3')]],
  ['two others of four', [set('www', 'A', '203.0.113.3', '203.0.113.4', '203.0.113.5', '203.0.113.6')]],
  ['fewer of them', [set('www', 'A', '203.0.113.6')]],
  ['another time', [{ ...set('www', 'A', '203.0.113.6'), ttl: 600 }]],
  ['a CNAME instead', [set('www', 'CNAME', 'shop.example.net')]],
  ['another CNAME', [set('www', 'CNAME', 'other.example.net')]],
  ['addresses instead of a CNAME', [set('www', 'A', '203.0.113.1'), set('www', 'AAAA', '2001:db8::1')]],
  ['mail', [set('@', 'MX', '10 ns1.example.com', '20 backup.example.net'), set('@', 'TXT', 'v=spf1 mx -all')]],
  ['other mail', [set('@', 'MX', '10 backup.example.net', '30 ns1.example.com'), set('@', 'TXT', 'v=spf1 mx ~all', 'second')]],
  ['a mail server that there is not', [set('nomail', 'MX', '0 .')]],
  ['a long text with everything in it', [set('k1._domainkey', 'TXT', `v=DKIM1; p="x\\y" ${'a;b '.repeat(150)}`)]],
  ['a text of spaces and quotes', [set('odd', 'TXT', ' " \\" \\\\ ', '"quoted"')]],
  ['services', [set('_sip._tcp', 'SRV', '10 60 5060 sip.example.com', '20 0 5061 sip.example.net')]],
  ['authorities', [set('@', 'CAA', '0 issue "letsencrypt.org"', '0 iodef "mailto:a@example.com"', '128 issuewild ";"')]],
  ['a star', [set('*', 'A', '203.0.113.7'), set('*.deep', 'CNAME', 'www.example.com')]],
  ['servers of a part', [set('part', 'NS', 'ns1.example.net', 'ns2.example.net')]],
  ['nothing', []],
]

const grounds: Readonly<Record<string, (zone: string) => Promise<Ground>>> = { BIND: bindGround, Cloudflare: cloudflareGround }

for (const [name, start] of Object.entries(grounds)) {
  describe(name, () => {
    let ground: Ground
    let desk: Awaited<ReturnType<typeof createDesk>>
    beforeAll(async () => {
      ground = await start(zone)
      desk = await createDesk(ground, zone)
    })
    afterAll(async () => {
      await desk?.[Symbol.asyncDispose]()
      await ground?.[Symbol.asyncDispose]()
    })

    for (const [what, sets] of transitions) {
      test(`${what}: made in one go, and a second look finds nothing to do`, async () => {
        const desired = desk.desiredOf(sets)
        const { failed, after, content } = await desk.converge(desired)
        expect(failed).toEqual([])
        expect({ ...after, notes: undefined }).toEqual({ changes: [], obstacles: [], notes: undefined, unseen: new Map() })
        if (content === undefined || content instanceof Error) throw new Error('it cannot be read')
        expect([...content.ours].sort()).toEqual(sets.map(one => `${one.name}/${one.type}`).sort())
        for (const one of sets) expect(content.sets.get(`${one.name}/${one.type}`)).toEqual(one)
      })
    }

    test('what others made stays, is in the way where it says something else, and is taken over when that is said', async () => {
      await ground.byHand('theirs.example.com', '203.0.113.77')
      expect((await desk.converge(desk.desiredOf([]))).after.changes).toEqual([])
      const other = set('theirs', 'A', '203.0.113.78')
      const { changes, after } = await desk.converge(desk.desiredOf([other]))
      expect(changes).toEqual([])
      expect(after.obstacles).toMatchObject([{ key: 'theirs.example.com/A', state: 'stalled', reason: 'foreign' }])
      const same = await desk.converge(desk.desiredOf([set('theirs', 'A', '203.0.113.77')]))
      expect({ changes: same.changes, obstacles: same.after.obstacles }).toEqual({ changes: [], obstacles: [] })
      const adopted = await desk.converge(desk.desiredOf([{ ...other, adopt: true }]))
      expect(adopted).toMatchObject({ failed: [], after: { changes: [], obstacles: [] } })
      const gone = await desk.converge(desk.desiredOf([]))
      expect(gone.changes).toMatchObject([{ operation: 'delete', key: 'theirs.example.com/A' }])
    })

    test('another appliance keeps its own records in the same zone', async () => {
      await using other = await createDesk(ground, zone, { owner: 'somebody-else' })
      await other.converge(other.desiredOf([set('shared', 'A', '203.0.113.1')]))
      const { changes, after } = await desk.converge(desk.desiredOf([set('shared', 'A', '203.0.113.2')]))
      expect({ changes, obstacles: after.obstacles.length }).toEqual({ changes: [], obstacles: 1 })
      await other.converge(other.desiredOf([]))
    })

    test('an answer to an authority stands beside others, is taken away alone, and nobody keeps or removes it as a record', async () => {
      const { challenges } = ground.providersOf('me')(ground.declared)
      if (challenges === undefined) throw new Error('there is no way to answer')
      const signal = AbortSignal.timeout(30_000)
      const name = '_acme-challenge.www.example.com'
      for (const value of ['one', 'two', 'two']) await challenges.present(zone, name, value, signal)
      expect(await challenges.isVisible(zone, name, 'one', signal)).toBe(true)
      await challenges.withdraw(zone, name, 'one', signal)
      await challenges.withdraw(zone, name, 'one', signal)
      expect(await challenges.isVisible(zone, name, 'one', signal)).toBe(false)
      expect(await challenges.isVisible(zone, name, 'two', signal)).toBe(true)
      expect((await desk.converge(desk.desiredOf([]))).changes).toEqual([])
      await challenges.withdraw(zone, name, 'two', signal)
    })

    test('five hundred records are made, changed and removed', async () => {
      const many = (last: number) =>
        Array.from({ length: 500 }, (_, index) => set(`host-${index}`, 'A', `198.51.100.${(index + last) % 250}`))
      for (const sets of [many(1), many(2), []]) {
        const { failed, after } = await desk.converge(desk.desiredOf(sets))
        expect({ failed, changes: after.changes.length }).toEqual({ failed: [], changes: 0 })
      }
    })
  })
}
