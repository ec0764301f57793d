import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAudit } from '../runtime/audit/audit.ts'
import { memoryPlace } from '../runtime/audit/testing/memory-place.ts'
import { systemClock } from '../runtime/os/clock.ts'
import { silentLog } from '../runtime/os/log.ts'
import { startTestStore } from '../runtime/store/testing/postgres.ts'
import { createKnownSecrets } from '../runtime/telemetry/known-secrets.ts'
import { auditEventOf } from '../web/door/audited.ts'
import { createApprovalAudit } from './approval-audit.ts'

const hold = (id: string) => ({
  ...{ id, digest: 'd1'.repeat(32), revision: '4'.repeat(40), reason: 'it removes the last site', since: '' },
  kinds: [{ kind: 'site', reason: '', changes: [{ key: 'a.example.com', operation: 'delete' as const, fields: [] }] }],
})

test('the audit knows an approval that its door wrote down, and takes one that the door could not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(folder, { recursive: true }))
  const { store } = stack.use(await startTestStore())
  const audit = await createAudit({
    ...{ folder: join(folder, 'audit'), keys: folder, store, clock: systemClock, log: silentLog },
    ...{ secrets: createKnownSecrets(), anchors: memoryPlace() },
  })
  stack.defer(() => audit.stop())
  const approvals = createApprovalAudit(audit)
  const door = { event: 'hold.approved', who: 'person ada@example.com' }
  await audit.record(auditEventOf({ ...door, subject: '/held/aaaaaaaaaaaa/approve', outcome: 'allowed' }))
  for (const outcome of ['asked', 'failed'] as const)
    await audit.record(auditEventOf({ ...door, subject: '/api/approve/bbbbbbbbbbbb', outcome }))
  expect([await approvals.has('aaaaaaaaaaaa'), await approvals.has('bbbbbbbbbbbb')]).toEqual([true, false])
  await approvals.record({ hold: hold('bbbbbbbbbbbb'), by: 'person ada@example.com', at: new Date(0) })
  expect(await approvals.has('bbbbbbbbbbbb')).toBe(true)
  const { events } = await audit.search({ text: 'bbbbbbbbbbbb', outcome: 'success' })
  expect(events).toMatchObject([
    {
      ...{ user: 'person ada@example.com', action: 'hold.approved', target: '/api/approve/bbbbbbbbbbbb' },
      details: { revision: '4'.repeat(40), kinds: [{ kind: 'site', changes: ['delete a.example.com'] }] },
    },
  ])
})
