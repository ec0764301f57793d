import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { commandLine, isAlive, listProcesses } from '../../runtime/os/process.ts'
import { createRig, type Rig } from './testing/rig.ts'

setDefaultTimeout(180_000)

let rig: Rig
beforeAll(async () => {
  rig = await createRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

const site = (name: string) => `  ${name}.example.com: { root: ${name}, tls: acme, challenge: dns }\n`

/** Starts a life that looks and applies once for a host, and ends at that step; `more` as in `one-life.ts`. */
function begin(domains: string, host: string, fatal: number, more: { revoke?: string | undefined; later?: number } = {}) {
  const { home, bind, pebble, httpPort } = rig
  const told = { home: home.root, secret: bind.secret, domains, directory: pebble.directory, authorities: pebble.authorities }
  const flags = ['--no-env-file', '--config=/dev/null', join(import.meta.dir, 'testing', 'one-life.ts')]
  return Bun.spawn(
    [process.execPath, ...flags, JSON.stringify({ ...told, dnsPort: bind.port, httpPort, host, fatal, ...more })],
    {
      ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
    },
  )
}

/** Lives until that step, and dies of `kill -9`; gives its name, or nothing when there was no step of that number. */
async function lifeUntil(...[domains, host, fatal, more]: Parameters<typeof begin>): Promise<string> {
  const child = begin(domains, host, fatal, more)
  const [step] = await Promise.all([new Response(child.stdout).text(), child.exited])
  if (step !== '') expect(child.signalCode).toBe('SIGKILL')
  return step.trim()
}

function changeOf<Of extends { readonly key: string }>(changes: readonly Of[], host: string): Of {
  const found = changes.find(({ key }) => key === host)
  if (found === undefined) throw new Error(`nothing is planned for ${host}`)
  return found
}

const certbots = () =>
  listProcesses().filter(({ pid }) => commandLine(pid).some(word => word.startsWith(`${rig.home.root}/certbot`)))

const steps = ['begin', 'requested', 'ordered', 'written down', 'shown', 'hidden', 'issued', 'kept', 'served']

test('kill -9 at every step of a proof in DNS leaves no certbot, no lock and nothing in the zone, and the next look has the certificate', async () => {
  await rig.converge(site('first'))
  rig.attempts.length = 0
  const names = steps.map((_, number) => `killed${number}`)
  const domains = [site('first'), ...names.map(site)].join('')
  // A host each, so that all die at the same time.
  const lives = names.map((name, number) => lifeUntil(domains, `${name}.example.com`, number))
  expect(await Promise.all(lives)).toEqual(steps)
  expect((await rig.converge(domains)).second.changes).toEqual([])
  expect(certbots().map(({ pid }) => commandLine(pid))).toEqual([])
  expect(await readdir(join(rig.home.run, 'acme'))).toEqual([])
  for (const [number, step] of steps.entries()) {
    const host = `killed${number}.example.com`
    expect([step, rig.certificates.issued({ host, aliases: [] }, rig.pebble.directory) !== undefined]).toEqual([step, true])
    expect([step, await rig.bind.ask(`_acme-challenge.${host}`, 'TXT')]).toEqual([step, []])
    // What was given before the death was taken up: the authority is asked for one, and never for two after it gave one.
    if (['issued', 'kept', 'served'].includes(step))
      expect([step, rig.attempts.filter(one => one.host === host)]).toEqual([step, []])
  }
})

/** Each with its number among the steps of a revocation whose other certificate is proven over HTTP. */
const deaths = [
  ...([
    [0, 'begin'],
    [3, 'shown'],
    [5, 'issued'],
    [6, 'kept'],
  ] as const),
  ...([
    [7, 'served'],
    [8, 'revoked'],
    [9, 'closed'],
  ] as const),
]

test('kill -9 at every step of a revocation leaves one certificate, which served before the other one was revoked', async () => {
  const hosts = deaths.map(([number, step], index) => ({ number, step, host: `killed${index}.example.com` }))
  const domains = [site('first'), ...hosts.map(({ host }) => `  ${host}: { root: ${host.split('.')[0]}, tls: acme }\n`)].join('')
  await rig.bind.byHand(hosts.map(({ host }) => `update add ${host}. 60 A 127.0.0.1`).join('\n'))
  const inUse = (host: string) => rig.certificates.issued({ host, aliases: [] }, rig.pebble.directory)?.id ?? ''
  const olds = new Map(hosts.map(({ host }) => [host, { id: inUse(host), chain: rig.certificates.chainOf(host, inUse(host)) }]))
  const isRevoked = async (host: string) => rig.pebble.isRevoked(olds.get(host)?.chain ?? '')
  const lives = hosts.map(({ host, number }) => lifeUntil(domains, host, number, { revoke: olds.get(host)?.id }))
  expect(await Promise.all(lives)).toEqual(hosts.map(({ step }) => step))
  rig.attempts.length = 0
  for (const { host, step } of hosts) {
    const request = { host, action: { type: 'revoke', reason: 'superseded' } as const, by: 'ada', at: rig.clock.now() }
    if (step !== 'closed') rig.requests.set(host, { ...request, certificate: olds.get(host)?.id ?? '' })
    expect([step, await isRevoked(host)]).toEqual([step, ['revoked', 'closed'].includes(step)])
  }
  const servedFirst: (readonly [string, boolean])[] = []
  const reconciler = rig.reconciler({
    served: async ({ host }) => void servedFirst.push([host, !(await isRevoked(host))]),
  })
  expect((await rig.converge(domains, { reconciler })).second.changes).toEqual([])
  expect(
    servedFirst
      .filter(([, first]) => first)
      .map(([host]) => host)
      .sort(),
  ).toEqual(hosts.filter(({ step }) => !['revoked', 'closed'].includes(step)).map(({ host }) => host))
  for (const { host, step } of hosts) {
    const id = inUse(host)
    const now = { old: await isRevoked(host), new: await rig.pebble.isRevoked(rig.certificates.chainOf(host, id)) }
    expect([step, now, id === olds.get(host)?.id]).toEqual([step, { old: true, new: false }, false])
    const issuedBefore = ['issued', 'kept', 'served', 'revoked', 'closed'].includes(step)
    if (issuedBefore) expect([step, rig.attempts.filter(one => one.host === host)]).toEqual([step, []])
  }
  expect([rig.requests.size, certbots(), await readdir(join(rig.home.run, 'acme'))]).toEqual([0, [], []])
})

test('kill -9 within an order for those names alone that are to be had leaves them one certificate, and asks for no other one', async () => {
  await rig.converge(site('first'))
  // The first order is refused because of the dead name, after seven steps.
  const hosts = [
    { number: 9, step: 'shown', host: 'half.example.com' },
    { number: 11, step: 'issued', host: 'part.example.com' },
  ]
  const domains = hosts.map(({ host }) => `  ${host}: { root: ${host}, tls: acme, aliases: [dead.${host}] }\n`).join('')
  await rig.bind.byHand(hosts.map(({ host }) => `update add ${host}. 60 A 127.0.0.1`).join('\n'))
  for (const { host } of hosts) await rig.certificates.make({ host, aliases: [`dead.${host}`] })
  // So that they have been without a certificate for long.
  const later = 2 * 3_600_000
  const lives = hosts.map(({ host, number }) => lifeUntil(domains, host, number, { later }))
  expect(await Promise.all(lives)).toEqual(hosts.map(({ step }) => step))
  rig.attempts.length = 0
  rig.clock.turn(later)
  const { changes } = await rig.look(domains)
  const context = { signal: new AbortController().signal, progress: () => {}, step: async () => {} }
  const done = await Promise.allSettled(hosts.map(({ host }) => rig.reconciler().apply(changeOf(changes, host), context)))
  rig.clock.turn(-later)
  expect(done.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const given = hosts.map(({ host }) => ({
    names: rig.certificates.newest({ host, aliases: [`dead.${host}`] }).map(({ name }) => name),
    asked: rig.attempts.filter(one => one.host === host).map(({ failure }) => failure === undefined),
  }))
  expect(given).toEqual([
    { names: ['half.example.com'], asked: [false, true] },
    { names: ['part.example.com'], asked: [false] },
  ])
  expect([certbots(), await readdir(join(rig.home.run, 'acme'))]).toEqual([[], []])
})

test('a certbot whose runtime was killed while it waited for the authority is ended by the next look, and holds nothing up', async () => {
  const asked = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  rig.answering = async () => {
    asked.resolve()
    await answered.promise
  }
  const domains = '  shop.example.com: { root: shop, tls: acme }\n'
  const life = begin(domains, 'shop.example.com', -1)
  await asked.promise
  life.kill('SIGKILL')
  await life.exited
  const orphans = certbots()
  expect(orphans.length).toBeGreaterThan(0)
  rig.answering = async () => {}
  const { steps, second } = await rig.converge(domains)
  answered.resolve()
  expect(steps.slice(-3)).toEqual(['issued', 'kept', 'served'])
  expect([second.changes, certbots()]).toEqual([[], []])
  expect(orphans.some(isAlive)).toBe(false)
})
