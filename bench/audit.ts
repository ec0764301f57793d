import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCleaner } from '../runtime/audit/clean.ts'
import type { AuditEvent } from '../runtime/audit/event.ts'
import { openAuditLog } from '../runtime/audit/log.ts'
import { verifyAudit } from '../runtime/audit/verify.ts'
import { systemClock } from '../runtime/os/clock.ts'
import { createKnownSecrets } from '../runtime/telemetry/known-secrets.ts'
import type { Figure } from './report.ts'
import { timed } from './report.ts'

const count = 100_000

/** Callers that each wait until their event is on the disk before they record the next. */
const callers = 500

const event = (number: number): AuditEvent => ({
  ...{
    type: 'command_executed',
    agent: 'code',
    user: '',
    action: 'run',
    target: `npm test -- --shard ${number}`,
    outcome: 'success',
  },
  session: '0b0e7a5e-9d0a-4a39-9f6e-3b1f1c2d4e5f',
  details: { call: `toolu_${number}`, action: '7a1f0940-3d92-4a4e-9f60-0d2b6a3f4c11' },
})

/** Events that are cleaned of secrets, chained, appended and fsynced, each second. */
export const benchAuditAppend = (): Promise<Figure> =>
  inFolder(async folder => {
    const milliseconds = await fill(folder)
    return {
      ...{ name: 'audit: events appended and fsynced', unit: '/s', value: (count / milliseconds) * 1_000, bound: 20_000 },
      ...{ better: 'higher', detail: { events: count, callers, ms: milliseconds } },
    }
  })

/** Lines of a whole chain that are read, hashed and compared, each second. */
export const benchAuditVerify = (): Promise<Figure> =>
  inFolder(async folder => {
    await fill(folder)
    const verified: number[] = []
    const milliseconds = await timed(async () => {
      const { sound, lines } = await verifyAudit({ folder, anchors: [], writing: false })
      if (!sound) throw new Error('the chain is broken')
      verified.push(lines)
    })
    return {
      ...{ name: 'audit: lines verified', unit: '/s', value: (count / milliseconds) * 1_000, bound: 200_000 },
      ...{ better: 'higher', detail: { lines: verified[0] ?? 0, ms: milliseconds } },
    }
  })

async function fill(folder: string): Promise<number> {
  const log = await openAuditLog({ folder, clock: systemClock })
  const clean = createCleaner(createKnownSecrets('correct horse battery staple'))
  let next = 0
  const call = async () => {
    while (next < count) await log.append(clean(event(next++)))
  }
  const milliseconds = await timed(() => Promise.all(Array.from({ length: callers }, call)))
  await log.stop()
  return milliseconds
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
