import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Providers } from '../dns/provider.ts'
import { bindProviders } from '../dns/testing/bind.ts'
import { createRig, type Rig } from './testing/rig.ts'

setDefaultTimeout(120_000)

let rig: Rig
beforeAll(async () => {
  rig = await createRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

const stars = '  "*.example.com": { root: all, aliases: [example.com], tls: acme }\n'
const challenges = () => rig.bind.ask('_acme-challenge.example.com', 'TXT')

test('a name with a star and the name above it get one certificate, proven in our own zone; nothing is left there', async () => {
  const seen: string[] = []
  const { steps, second } = await rig.converge(stars, {
    step: async name => void (name === 'shown' && seen.push(...(await challenges()))),
  })
  expect(steps).toEqual([
    ...['begin', 'requested', 'ordered', 'written down', 'shown', 'written down', 'shown', 'hidden', 'hidden'],
    ...['issued', 'kept', 'served'],
  ])
  expect(new Set(seen).size).toBe(2)
  expect(await challenges()).toEqual([])
  expect(second.changes).toEqual([])
  const issued = rig.certificates.issued({ host: '*.example.com', aliases: ['example.com'] }, rig.pebble.directory)
  expect([...(issued?.names ?? [])].sort()).toEqual(['*.example.com', 'example.com'])
  expect(await readdir(join(rig.home.root, 'run', 'acme'))).toEqual([])
})

test('a single name is proven in DNS where that was chosen, though nothing answers over HTTP', async () => {
  const { steps, second } = await rig.converge('  inner.example.com: { root: inner, tls: acme, challenge: dns }\n')
  expect(steps).toContain('shown')
  expect(second.changes).toEqual([])
})

test('several hosts are proven at the same time, with one account', async () => {
  const names = ['one', 'two', 'three'].map(name => `  ${name}.example.com: { root: ${name}, tls: acme, challenge: dns }\n`)
  const { second } = await rig.converge(`${names.join('')}  inner.example.com: { root: inner, tls: acme, challenge: dns }\n`)
  expect(second.changes).toEqual([])
  const accounts = await readdir(join(rig.home.root, 'certbot'), { recursive: true })
  const registered = await Promise.all(accounts.filter(name => /^\w+\/accounts\/.*\/regr\.json$/.test(name)))
  expect(registered).toHaveLength(1)
})

test('a DNS server that refuses the answer ends the try at once, in its own words, and the authority is not troubled', async () => {
  const wrong = bindProviders(rig.bind, { secret: Buffer.from(new Uint8Array(32)).toString('base64') })
  const before = rig.attempts.length
  const failing = rig.converge('  refused.example.com: { root: r, tls: acme, challenge: dns }\n', {
    reconciler: rig.reconciler({ providers: wrong }),
  })
  await expect(failing).rejects.toThrow('does not accept the TSIG key ai-infra')
  expect(rig.attempts.length).toBe(before)
})

test('an answer that a zone never shows is not waited for without end, and the authority is not asked to look', async () => {
  const deaf: Providers = declared => {
    const real = bindProviders(rig.bind)(declared)
    const isVisible = async () => {
      rig.clock.turn(70_000)
      return false
    }
    return real.challenges === undefined ? real : { ...real, challenges: { ...real.challenges, isVisible } }
  }
  const domain = '  late.example.com: { root: late, tls: acme, challenge: dns }\n'
  const failing = rig.converge(domain, { reconciler: rig.reconciler({ providers: deaf }) })
  await expect(failing).rejects.toThrow('not every server of example.com answers with the new value of _acme-challenge.late')
  const { steps, second } = await rig.converge(domain)
  expect(steps.slice(-3)).toEqual(['issued', 'kept', 'served'])
  expect(second.changes).toEqual([])
  expect(await rig.bind.ask('_acme-challenge.late.example.com', 'TXT')).toEqual([])
})

test('over its socket nothing is put into DNS but answers for the names of the order', async () => {
  const answers: string[] = []
  const ask = async (path: string, body: Record<string, string>) => {
    const [socket = ''] = await readdir(join(rig.home.run, 'acme'))
    const response = await fetch(`http://appliance${path}`, {
      ...{ unix: join(rig.home.run, 'acme', socket), method: 'POST', body: new URLSearchParams(body) },
    })
    answers.push(`${response.status} ${(await response.text()).trim()}`)
  }
  const value = 'x'.repeat(43)
  const attack = rig.converge('  attacked.example.com: { root: a, tls: acme, challenge: dns }\n', {
    async step(name) {
      if (name !== 'written down') return
      await ask('/show', { name: 'example.com', value })
      await ask('/show', { name: 'attacked.example.com', value: 'v=spf1 +all' })
      await ask('/hide', { name: 'example.com', value })
    },
  })
  await expect(attack).rejects.toThrow('"example.com" is no name of this certificate')
  expect(answers.every(answer => answer.startsWith('500'))).toBe(true)
  expect(await rig.bind.ask('_acme-challenge.example.com', 'TXT')).toEqual([])
})

test('the TSIG key is in no file, argument or environment of certbot', async () => {
  const seen: string[] = []
  await rig.converge('  quiet.example.com: { root: quiet, tls: acme, challenge: dns }\n', {
    async step(name) {
      if (name !== 'shown') return
      const pids = (await readdir('/proc')).filter(pid => /^\d+$/.test(pid))
      const files = pids.flatMap(pid => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`])
      const texts = await Promise.all(files.map(path => readFile(path, 'utf8').catch(() => '')))
      seen.push(...texts.filter(text => text.includes(rig.bind.secret) && text.includes('certbot')))
    },
  })
  expect(seen).toEqual([])
  const search = Bun.spawn(['grep', '-rlF', '--', rig.bind.secret, rig.home.root], { stderr: 'ignore' })
  expect(await new Response(search.stdout).text()).toBe('')
})
