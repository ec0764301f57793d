import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Providers } from '../dns/provider.ts'
import { hideAll } from './dns-answers.ts'
import { countShown, type Shown, writeDown } from './ledger.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'da-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const { signal } = new AbortController()
const shown = (name: string, at: string): Shown => ({
  ...{ zone: name, name: `_acme-challenge.${name}`, value: 'v' },
  provider: { name: at, type: 'rfc2136', server: '127.0.0.1', port: 53, key: 'k', algorithm: 'hmac-sha256', secret: 'secret:S' },
})
const never = async (): Promise<never> => {
  throw new Error('nobody asks for that')
}
const providers: Providers = ({ name }) => ({
  ...{ read: never, change: never },
  challenges: {
    ...{ present: never, isVisible: never },
    async withdraw() {
      if (name === 'away') throw new ApplianceError('waiting', 'the DNS server 127.0.0.1:53 does not answer')
    },
  },
})

test('an answer that was left at a DNS server that is away is in the way of its own name only, which the message says', async () => {
  await writeDown(folder, shown('a.example.com', 'away'))
  await writeDown(folder, shown('b.example.org', 'there'))
  await hideAll({ providers }, folder, signal, ['b.example.org'])
  expect(await countShown(folder)).toBe(1)
  const words = '_acme-challenge.a.example.com: the DNS server 127.0.0.1:53 does not answer'
  for (const names of [undefined, ['*.a.example.com', 'b.example.org']]) {
    await expect(hideAll({ providers }, folder, signal, names)).rejects.toMatchObject({ kind: 'waiting', message: words })
  }
})
