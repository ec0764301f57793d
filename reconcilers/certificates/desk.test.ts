import { expect, test } from 'bun:test'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemClock } from '../../runtime/os/clock.ts'
import { type Answers, openDesk } from './desk.ts'
import { dnsAnswers } from './dns-answers.ts'
import { httpAnswers } from './http-answers.ts'

const value = 'a'.repeat(43)
const token = 't'.repeat(43)
const context = { step: async () => {}, signal: AbortSignal.timeout(60_000) }

/** What each of these questions is answered, by a desk of its own. */
async function asks(folder: string, answers: Answers, questions: readonly Record<string, string>[], ready = async () => {}) {
  const socket = join(folder, 'acme', 'x.sock')
  const said: string[] = []
  for (const asked of questions) {
    await using desk = await openDesk({ socket, answers, ready, step: context.step })
    expect((await stat(dirname(socket))).mode & 0o077).toBe(0)
    const body = new URLSearchParams(asked).toString()
    const answer = await fetch('http://appliance/show', { method: 'POST', unix: socket, body })
    said.push(`${answer.status} ${(await answer.text()).trim()}`)
    expect(desk.failed.aborted).toBe(answer.status !== 200)
  }
  return said
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'de-'))
  await work(folder).finally(() => rm(folder, { recursive: true, force: true }))
}

test('certbot has nothing shown but what belongs to its order, whatever it asks for', () =>
  inFolder(async folder => {
    const providers = () => {
      throw new Error('a DNS server was asked')
    }
    const dns = dnsAnswers({ providers, clock: systemClock }, {}, join(folder, 'shown'), context)
    const names = ['other.example.com', 'constructor', '__proto__']
    const strange = [
      { name: 'other.example.com', value: `${value}\nupdate delete www.example.com.` },
      { name: 'other.example.com', value, more: 'x' },
    ]
    const inDns = await asks(folder, dns, [...names.map(name => ({ name, value })), ...strange])
    expect(inDns.slice(0, names.length)).toEqual(names.map(name => `500 "${name}" is no name of this certificate`))
    expect(inDns.every(answer => answer.startsWith('500') && !answer.includes('a DNS server was asked'))).toBe(true)

    const places = { challenges: join(folder, 'web'), ledger: join(folder, 'shown') }
    const http = httpAnswers({ clock: systemClock, httpPort: 1 }, ['shop.example.com'], places, context)
    const overHttp = await asks(folder, http, [
      { name: 'other.example.com', token, value: `${token}.${value}` },
      { name: 'shop.example.com', token: `../../${token}`, value: `${token}.${value}` },
      { name: 'shop.example.com', token, value: `${'u'.repeat(43)}.${value}` },
      { name: 'shop.example.com', value },
    ])
    expect(overHttp.every(answer => answer.startsWith('500'))).toBe(true)
    expect(await readdir(folder)).toEqual(['acme'])
  }))

test('no answer is shown before it may be looked for, and none at all when that never comes', () =>
  inFolder(async folder => {
    const shown: string[] = []
    const answers: Answers = { show: async ({ name }) => void shown.push(name), hide: async () => {} }
    const order: string[] = []
    const ready = async () => void order.push(`ready, shown ${shown.length}`)
    expect(await asks(folder, answers, [{ name: 'shop.example.com', value }], ready)).toEqual(['200 '])
    expect([order, shown]).toEqual([['ready, shown 0'], ['shop.example.com']])
    const never = async () => {
      throw new Error('its site does not come')
    }
    expect(await asks(folder, answers, [{ name: 'shop.example.com', value }], never)).toEqual(['500 its site does not come'])
    expect(shown).toHaveLength(1)
  }))

test('whether an answer is there is asked of this server itself, past any proxy of the environment', () =>
  inFolder(async folder => {
    const asked: string[] = []
    await using web = Bun.serve({
      ...{ port: 0, hostname: '127.0.0.1' },
      fetch({ url, headers }) {
        asked.push(`${headers.get('host')}${new URL(url).pathname}`)
        return new Response(`${token}.${value}`)
      },
    })
    const places = { challenges: join(folder, 'web'), ledger: join(folder, 'shown') }
    const answers = httpAnswers({ clock: systemClock, httpPort: web.port ?? 0 }, ['shop.example.com'], places, context)
    const before = process.env.HTTP_PROXY
    process.env.HTTP_PROXY = 'http://127.0.0.1:1'
    try {
      await answers.show({ name: 'shop.example.com', token, value: `${token}.${value}` })
    } finally {
      if (before === undefined) delete process.env.HTTP_PROXY
      else process.env.HTTP_PROXY = before
    }
    expect(asked).toEqual([`shop.example.com/.well-known/acme-challenge/${token}`])
  }))
