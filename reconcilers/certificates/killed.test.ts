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

/** Starts a life that looks and applies once for a host, and ends at that step. */
function begin(domains: string, host: string, fatal: number) {
  const { home, bind, pebble, httpPort } = rig
  const told = { home: home.root, secret: bind.secret, domains, directory: pebble.directory, authorities: pebble.authorities }
  const flags = ['--no-env-file', '--config=/dev/null', join(import.meta.dir, 'testing', 'one-life.ts')]
  return Bun.spawn([process.execPath, ...flags, JSON.stringify({ ...told, dnsPort: bind.port, httpPort, host, fatal })], {
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
  })
}

/** Lives until that step, and dies of `kill -9`; gives its name, or nothing when there was no step of that number. */
async function lifeUntil(domains: string, host: string, fatal: number): Promise<string> {
  const child = begin(domains, host, fatal)
  const [step] = await Promise.all([new Response(child.stdout).text(), child.exited])
  if (step !== '') expect(child.signalCode).toBe('SIGKILL')
  return step.trim()
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
