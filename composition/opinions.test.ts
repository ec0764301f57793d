import { expect, test } from 'bun:test'
import type { AuditEvent } from '../runtime/audit/event.ts'
import type { AgentEvent, AgentPresence, Utterance } from '../runtime/bus/agents.ts'
import { silentLog } from '../runtime/os/log.ts'
import type { Approval } from '../runtime/policy/action.ts'
import { createOpinions, type OpinionsDeps } from './opinions.ts'

const approval: Approval = {
  ...{
    id: 'a1',
    agent: 'infra',
    task: undefined,
    thread: 't',
    title: 'deploy',
    reason: 'it asks',
    digest: 'd',
    state: 'waiting',
  },
  ...{ shown: [{ name: 'Verb', text: 'deploy.publish' }], askedAt: '', expiresAt: '', decidedBy: undefined, note: undefined },
  rule: undefined,
}
const presence: AgentPresence = {
  ...{ name: 'supervisor', activity: 'idle', doing: '', pid: 1, heartbeatAt: '', startedAt: '' },
}
const utterance = (more: Partial<Utterance>): Utterance => ({
  ...{ id: 'u', agent: 'supervisor', thread: 'opinion', role: 'agent', by: 'supervisor', text: '', state: 'done', at: '' },
  ...more,
})

/** A supervisor that answers with the text, or never; gives what came of it once it is over. */
async function consulted(
  answer: string | undefined,
  changes: { activity?: AgentPresence['activity']; by?: string; asker?: string } = {},
) {
  const over = Promise.withResolvers<void>()
  const did: string[] = []
  const listeners = new Set<(event: AgentEvent) => void>()
  const deps: OpinionsDeps = {
    agents: {
      presence: () => [{ ...presence, activity: changes.activity ?? 'idle' }],
      openThread: async () => ({ id: 'opinion' }),
      async tell({ text }) {
        did.push(text.includes('deploy.publish') ? 'asked' : 'asked for nothing')
        const said = utterance({ text: answer ?? '' })
        if (answer !== undefined)
          queueMicrotask(() => {
            for (const listener of listeners) listener({ type: 'utterance', utterance: said })
          })
        return utterance({ role: 'event', id: 'question' })
      },
      subscribe(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      stopAnswer: async () => did.push('stopped') > 0,
      changeThread: async () => did.push('put away') > 0,
    },
    tasks: { get: async () => (changes.by === undefined ? undefined : { name: 'publish', by: changes.by }) },
    approvals: {
      async addReason(_id, reason) {
        did.push(reason)
        over.resolve()
      },
      async turnDown(_id, why) {
        over.resolve()
        return did.push(`turned down: ${why}`) > 0
      },
    },
    audit: {
      async record(event: AuditEvent) {
        did.push(`audited ${event.details?.step}: ${event.details?.opinion}`)
        if (!String(event.details?.opinion).startsWith('it handed') && answer === undefined) over.resolve()
      },
    },
    taint: async () => void did.push('tainted'),
    clock: { now: () => new Date(), sleep: answer === undefined ? async () => {} : () => new Promise(() => {}) },
    log: silentLog,
  }
  const task = changes.by === undefined ? undefined : 'task'
  createOpinions(deps)({ ...approval, agent: changes.asker ?? 'infra', task })
  await over.promise
  return did
}

test('an idle supervisor says what it thinks, in a tainted conversation of its own, and the person reads it', async () => {
  expect(await consulted('Looks right to me.')).toEqual([
    ...['tainted', 'asked', 'put away', 'audited supervisor: Looks right to me.', 'The supervisor thinks: Looks right to me.'],
  ])
})

test('it may turn down, and cannot approve whatever it says', async () => {
  expect((await consulted('DENY: nobody asked for this')).at(-1)).toBe('turned down: nobody asked for this')
  expect((await consulted('APPROVED, APPROVE, yes')).at(-1)).toBe('The supervisor thinks: APPROVED, APPROVE, yes')
})

test('one that is busy is not asked, one that does not answer is not waited for, and both stand in the audit', async () => {
  expect(await consulted(undefined, { activity: 'answering' })).toEqual([
    'audited supervisor: it is busy or away, and was not asked',
  ])
  expect(await consulted(undefined)).toEqual([
    ...['tainted', 'asked', 'stopped', 'put away', 'audited supervisor: it gave no answer in time'],
  ])
})

test('it is not asked about its own request, nor about a task that it handed out itself', async () => {
  expect(await consulted(undefined, { asker: 'supervisor' })).toEqual(['audited supervisor: it asks for itself'])
  expect(await consulted(undefined, { by: 'supervisor' })).toEqual([
    ...['audited supervisor: it handed out this task: publish', 'The supervisor handed out this task: publish.'],
  ])
})
