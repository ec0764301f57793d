import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { endsSigned, openPassage } from './signed-transfer.ts'
import { type Bind, bindProviders, startBind } from './testing/bind.ts'

setDefaultTimeout(120_000)

const zone = 'example.com'
const signal = AbortSignal.timeout(120_000)
const long = 'x'.repeat(200)
let bind: Bind

beforeAll(async () => {
  bind = await startBind([zone])
  for (const part of [1, 2, 3])
    await bind.byHand(
      Array.from({ length: 150 }, (_, index) => `update add h${part}-${index}.${zone}. 300 TXT "${long}"`).join('\n'),
    )
})
afterAll(() => bind?.[Symbol.asyncDispose]())

type Meddle = (message: Buffer, number: number) => Buffer | readonly Buffer[]

/** Somebody on the way, who does to the messages of each answer, counted from 0, what he likes. */
async function startMeddler(meddle: Meddle) {
  const door = createServer(client => {
    const there = connect(bind.port, '127.0.0.1')
    let rest = Buffer.alloc(0)
    let number = 0
    client.pipe(there)
    for (const [socket, other] of [
      [client, there],
      [there, client],
    ] as const)
      socket.on('error', () => {}).on('close', () => other.destroy())
    there.on('data', (piece: Buffer) => {
      rest = Buffer.concat([rest, piece])
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0)
        const messages = [meddle(Buffer.from(rest.subarray(2, end)), number++)].flat()
        rest = rest.subarray(end)
        client.write(Buffer.concat(messages.flatMap(message => [lengthOf(message), message])))
      }
    })
  })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  const address = door.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const provider = bindProviders(bind)({ ...bind.declared, port })
  return { provider, [Symbol.asyncDispose]: async () => void door.close() }
}

const lengthOf = ({ length }: Buffer): Buffer => Buffer.from([length >> 8, length & 0xff])
const changed = (message: Buffer): Buffer => {
  const at = message.lastIndexOf(long)
  if (at > 0) message.write('forged', at)
  return message
}
const withoutSignature = (message: Buffer): Buffer => {
  const at = message.lastIndexOf(Buffer.from('\x08ai-infra\0\0\xfa\0\xff', 'latin1'))
  if (at < 0) return message
  message.writeUInt16BE(message.readUInt16BE(10) - 1, 10)
  return message.subarray(0, at)
}

test('a zone that comes as the server signed it is read through whatever passes it on unchanged', async () => {
  await using honest = await startMeddler(message => message)
  const { sets } = await honest.provider.read(zone, signal)
  expect(sets.size).toBe(452)
})

test.each<readonly [string, Meddle]>([
  ['with a record that was changed on the way', message => changed(message)],
  ['changed in its second message only', (message, number) => (number === 1 ? changed(message) : message)],
  ['without any signature', message => withoutSignature(message)],
  ['that ends without one', (message, number) => (number === 0 ? message : withoutSignature(message))],
  [
    'that ends without one, before a message that has one',
    (message, number) => (number === 0 ? message : [withoutSignature(message), message]),
  ],
  ['changed after the last signature', (message, number) => (number === 0 ? message : withoutSignature(changed(message)))],
])('a zone %s is not believed, in any part of it', async (_what, meddle) => {
  await using meddler = await startMeddler(meddle)
  const refused = await meddler.provider.read(zone, signal).then(String, (error: unknown) => error)
  expect(refused).toMatchObject({
    kind: 'stalled',
    message: expect.stringContaining('without the signature of the TSIG key ai-infra'),
  })
})

test('the way to the server is open to one connection', async () => {
  await using passage = await openPassage({ server: '127.0.0.1', port: bind.port })
  const first = connect(passage.port, '127.0.0.1').on('error', () => {})
  await once(first, 'connect')
  await new Promise(resolve =>
    connect(passage.port, '127.0.0.1')
      .on('error', () => {})
      .on('close', resolve),
  )
  expect(first.destroyed).toBe(false)
  first.destroy()
})

test('an answer to a change counts only when it is signed', async () => {
  await using meddler = await startMeddler(withoutSignature)
  const put = {
    type: 'put',
    set: { name: `new.${zone}`, type: 'A', ttl: 60, values: ['203.0.113.1'] },
    before: undefined,
  } as const
  const failures = await meddler.provider.change(zone, [put], signal)
  expect(failures.get(`new.${zone}/A`)?.message).toContain('does not accept the TSIG key ai-infra')
})

test('a message that cannot be read is not signed', () => {
  for (const bytes of ['', '00', '000000000000000100000000', '0000000000000000000000010000fa00ff0000000000ff'])
    expect(endsSigned(Buffer.from(bytes, 'hex'))).toBe(false)
})
