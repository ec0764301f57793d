import type { FoundSet } from '../reconcilers/dns/provider.ts'
import { createRfc2136 } from '../reconcilers/dns/rfc2136.ts'
import { bindGround, cloudflareGround, createDesk } from '../reconcilers/dns/testing/grounds.ts'
import { spawn } from '../runtime/os/spawn.ts'
import { type Figure, median, timed } from './report.ts'

const zone = 'example.com'
const records = (count: number, last: number): readonly FoundSet[] =>
  Array.from({ length: count }, (_, index) => ({
    ...{ name: `host-${index}.${zone}`, type: 'A', ttl: 300, values: [`198.51.${100 + (index >> 8)}.${(index + last) % 256}`] },
  }))
const changed = 500

/** Look, change, look again, of records that are there already; one run of nsupdate is one message. */
export async function benchDnsMessages(): Promise<Figure> {
  await using ground = await bindGround(zone)
  let messages = 0
  const counting: typeof spawn = (argv, options) => {
    if (argv[0]?.endsWith('nsupdate')) messages++
    return spawn(argv, options)
  }
  const providersOf = (owner: string) => () =>
    createRfc2136(ground.bind.declared, { spawn: counting, owner, secret: async () => ground.bind.secret })
  await using desk = await createDesk({ ...ground, providersOf }, zone, { owner: '0192a5a0-0000-7000-8000-000000000000' })
  await desk.converge(desk.desiredOf(records(changed, 1)))
  messages = 0
  const { failed, after } = await desk.converge(desk.desiredOf(records(changed, 2)))
  if (failed.length + after.changes.length > 0) throw new Error(`it did not converge: ${failed[0]}`)
  return {
    name: `${changed} changed records in one zone: DNS UPDATE messages`,
    ...{ unit: 'messages', value: messages, bound: 3, better: 'lower', detail: { records: changed } },
  }
}

export async function benchCloudflareCalls(): Promise<Figure> {
  await using ground = await cloudflareGround(zone)
  await using desk = await createDesk(ground, zone)
  await desk.converge(desk.desiredOf(records(changed, 1)))
  ground.cloudflare.calls.splice(0)
  const { failed, after } = await desk.converge(desk.desiredOf(records(changed, 2)))
  if (failed.length + after.changes.length > 0) throw new Error(`it did not converge: ${failed[0]}`)
  const { calls } = ground.cloudflare
  return {
    name: `${changed} changed records in one zone: calls of Cloudflare's API, looks before and after included`,
    ...{ unit: 'calls', value: calls.length, bound: 6, better: 'lower' },
    detail: { records: changed, batches: calls.filter(call => call.endsWith('/batch')).length },
  }
}

const large = 5_000
const rounds = 9

/** Observe and plan, against the transfer of the same zone by the same program. */
export async function benchDnsLook(): Promise<Figure> {
  await using ground = await bindGround(zone)
  await using desk = await createDesk(ground, zone)
  const desired = desk.desiredOf(records(large, 1))
  const { failed } = await desk.converge(desired)
  if (failed.length > 0) throw new Error(failed[0])
  const times = { look: [] as number[], transfer: [] as number[] }
  const { port, secret } = ground.bind
  const question = `@127.0.0.1 -p ${port} -y hmac-sha256:ai-infra:${secret} +tcp +noall +answer +onesoa ${zone}. AXFR\n`
  for (let round = 0; round < rounds; round++) {
    times.transfer.push(
      await timed(() => spawn(['/usr/bin/dig', '-f', '/dev/stdin'], { stdin: question, maxOutput: 64 * 1024 * 1024 })),
    )
    times.look.push(
      await timed(async () => {
        const { changes, obstacles } = await desk.look(desired)
        if (changes.length + obstacles.length > 0) throw new Error('not a look that changes nothing')
      }),
    )
  }
  return {
    name: `a look over ${large} records that changes nothing, against the zone transfer alone`,
    ...{ unit: '×', value: median(times.look) / median(times.transfer), bound: 2, better: 'lower' },
    detail: { 'look ms': median(times.look), 'transfer ms': median(times.transfer) },
  }
}
