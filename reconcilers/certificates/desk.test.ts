import { expect, test } from 'bun:test'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemClock } from '../../runtime/os/clock.ts'
import { openDesk } from './desk.ts'

const value = 'a'.repeat(43)

test('certbot has nothing shown but what belongs to its order, whatever it asks for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'de-'))
  const socket = join(folder, 'acme', 'x.sock')
  const providers = () => {
    throw new Error('a DNS server was asked')
  }
  const options = { socket, ledger: join(folder, 'shown'), places: {}, step: async () => {}, signal: AbortSignal.timeout(10_000) }
  for (const asked of [
    { name: 'other.example.com', value },
    { name: 'constructor', value },
    { name: '__proto__', value },
    { name: 'other.example.com', value: `${value}\nupdate delete www.example.com.` },
    { name: 'other.example.com', value, more: 'x' },
  ]) {
    await using desk = await openDesk({ providers, clock: systemClock }, options)
    expect((await stat(dirname(socket))).mode & 0o077).toBe(0)
    const body = new URLSearchParams(asked).toString()
    const answer = await fetch('http://appliance/show', { method: 'POST', unix: socket, body })
    const said = await answer.text()
    expect([asked, answer.status]).toEqual([asked, 500])
    expect(said).not.toContain('a DNS server was asked')
    if (!('more' in asked) && asked.value === value) expect(said).toContain('is no name of this certificate')
    expect(desk.failed.aborted).toBe(true)
  }
  await rm(folder, { recursive: true, force: true })
})
