import { expect, test } from 'bun:test'
import { atMost } from './at-most.ts'
import { otherServers } from './other-servers.ts'
import type { FoundSet } from './provider.ts'

const zone = 'example.com'
const setsOf = (...found: readonly (readonly [string, FoundSet['type'], readonly string[]])[]) =>
  new Map(found.map(([name, type, values]): [string, FoundSet] => [`${name}/${type}`, { name, type, ttl: 60, values }]))

test('a zone that names many servers has sixteen of them asked, at four addresses each', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `ns${index}.example.net`)
  const addresses = Array.from({ length: 40 }, (_, index) => `203.0.113.${index}`)
  const found = await otherServers(zone, setsOf([zone, 'NS', names]), { server: '198.51.100.1' }, async name =>
    name === '198.51.100.1' ? [] : addresses,
  )
  expect(found).toHaveLength(16)
  expect(found[0]?.addresses).toEqual(addresses.slice(0, 4))
})

test('no server of a zone is asked at an address that leads into this machine or its cloud', async () => {
  const inside = ['127.0.0.1', '127.9.9.9', '0.0.0.0', '169.254.169.254', '224.0.0.1', '::1', '::', 'fe80::1', 'ff02::1']
  const sets = setsOf([zone, 'NS', ['a.example.com', 'b.example.com']], ['b.example.com', 'A', ['127.0.0.2', '203.0.113.2']])
  const resolve = async (name: string) => (name === 'a.example.com' ? [...inside, '::ffff:127.0.0.1'] : [])
  expect(await otherServers(zone, sets, { server: '198.51.100.1' }, resolve)).toEqual([
    { name: 'b.example.com', addresses: ['203.0.113.2'] },
  ])
  const [, beside] = await otherServers(zone, sets, { server: '127.0.0.1' }, async name =>
    name === 'a.example.com' ? ['::1'] : [],
  )
  expect(beside?.addresses).toContain('127.0.0.2')
})

test('at most so many servers are asked at once, and all of them in the end', async () => {
  let running = 0
  let highest = 0
  const ask = atMost(2, async () => {
    highest = Math.max(highest, ++running)
    await Promise.resolve()
    running--
    return { code: 0, stdout: '', stderr: '' }
  })
  await Promise.all(Array.from({ length: 9 }, () => ask(['dig'])))
  expect([highest, running]).toEqual([2, 0])
})
