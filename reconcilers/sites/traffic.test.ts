import { expect, test } from 'bun:test'
import { appendFile, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeDirectory } from '../../runtime/os/files.ts'
import { homeAt } from '../../runtime/os/home.ts'
import { nginxLayout } from '../../runtime/services/nginx-layout.ts'
import { createTraffic, parseVisit } from './traffic.ts'

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const written = (at: Date) => {
  const two = (number: number) => String(number).padStart(2, '0')
  return `${two(at.getUTCDate())}/${months[at.getUTCMonth()]}/${at.getUTCFullYear()}:${at.toISOString().slice(11, 19)} +0000`
}
const visit = (host: string, at: Date, status = 200, bytes = 100) =>
  `${host} 192.0.2.1 - - [${written(at)}] "GET / HTTP/2.0" ${status} ${bytes} "-" "curl/8"\n`

async function rig() {
  const root = await mkdtemp(join(tmpdir(), 'traffic-'))
  const home = homeAt(root)
  await makeDirectory(home.logs)
  let now = new Date('2026-11-28T12:30:00Z')
  const { accessLog } = nginxLayout(home)
  return {
    accessLog,
    traffic: createTraffic(home, () => now),
    append: (...lines: string[]) => appendFile(accessLog, lines.join('')),
    ago: (minutes: number) => new Date(now.getTime() - minutes * 60_000),
    later: (hours: number) => {
      now = new Date(now.getTime() + hours * 3_600_000)
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  }
}

test('visits of the last day are counted by host, each once, however often one asks', async () => {
  await using house = await rig()
  const { traffic, append, ago } = house
  expect(await traffic()).toEqual({ hosts: new Map(), since: undefined })
  await append(visit('a.example.com', ago(26 * 60)), visit('a.example.com', ago(50)), visit('b.example.com', ago(3), 502, 7))
  await traffic()
  await append(visit('a.example.com', ago(1), 404, 11))
  const { hosts, since } = await traffic()
  expect(hosts.get('a.example.com')).toEqual({ requests: 2, bytes: 111, errors: 0 })
  expect(hosts.get('b.example.com')).toEqual({ requests: 1, bytes: 7, errors: 1 })
  expect(since?.toISOString()).toBe('2026-11-27T13:00:00.000Z')
})

test('what is a day old is no longer counted', async () => {
  await using house = await rig()
  const { traffic, append, ago, later } = house
  await append(visit('a.example.com', ago(1)))
  expect((await traffic()).hosts.size).toBe(1)
  later(25)
  expect((await traffic()).hosts.size).toBe(0)
})

test('a line that nginx is still writing counts once it is whole', async () => {
  await using house = await rig()
  const { traffic, append, ago } = house
  const line = visit('a.example.com', ago(1))
  await append(line.slice(0, 40))
  expect((await traffic()).hosts.size).toBe(0)
  await append(line.slice(40))
  expect((await traffic()).hosts.get('a.example.com')?.requests).toBe(1)
})

test('a log that is put aside in between loses no visit and doubles none, and a new start reads it too', async () => {
  await using house = await rig()
  const { traffic, append, ago, accessLog } = house
  await append(visit('a.example.com', ago(9)))
  await traffic()
  await append(visit('a.example.com', ago(8)))
  await rename(accessLog, `${accessLog}.1`)
  await append(visit('a.example.com', ago(7)))
  expect((await traffic()).hosts.get('a.example.com')?.requests).toBe(3)
  expect((await traffic()).hosts.get('a.example.com')?.requests).toBe(3)
})

test('nothing that a visitor sends is taken for a field of the log', () => {
  const at = new Date('2026-11-28T12:00:00Z')
  const forged = `a.example.com 192.0.2.1 - x [01/Jan/2020:00:00:00 +0000] 999 [${written(at)}] "GET /\\x22 500 9 \\x22 HTTP/1.1" 200 5 "-" "-"`
  expect(parseVisit(forged)).toEqual({ host: 'a.example.com', at: at.getTime(), status: 200, bytes: 5 })
  for (const line of ['', 'nonsense', 'a b c', visit('a', at).replace('Nov', 'Xxx')]) expect(parseVisit(line)).toBeUndefined()
})

test('invented names cannot fill the memory', async () => {
  await using house = await rig()
  const { traffic, append, ago } = house
  await append(
    visit('a.example.com', ago(2)),
    ...Array.from({ length: 6_000 }, (_, index) => visit(`x${index}.example.com`, ago(1))),
  )
  await append(visit('a.example.com', ago(1)))
  const { hosts } = await traffic()
  expect(hosts.size).toBe(5_000)
  expect(hosts.get('a.example.com')?.requests).toBe(2)
})
