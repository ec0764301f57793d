import { randomUUID } from 'node:crypto'
import type { ISql } from 'postgres'
import type { Audit } from '../../audit/audit.ts'
import type { Clock } from '../../os/clock.ts'
import { ApplianceError } from '../../os/errors.ts'
import type { Store } from '../../store/store.ts'
import type { ActionRequest, Approval, Approvals } from '../action.ts'
import { type AlwaysRule, alwaysRule } from './always.ts'
import { approvalDigest, requestDigest, shownOf } from './binding.ts'
import { type ApprovalRow, approvalOf, ruleOf } from './rows.ts'
import { visible } from './visible.ts'

export interface ApprovalsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly audit: Pick<Audit, 'record'>
  /** The words of a bash line that is one simple command; undefined for any other. */
  readonly simple: (script: string) => Promise<readonly string[] | undefined>
  /** Milliseconds that an approval is good for. */
  readonly lifetime?: number
}

export interface Asking {
  readonly agent: string
  readonly request: ActionRequest
  readonly task: string | undefined
  readonly thread: string | undefined
  readonly reason: string
  /** Text of strangers is in it: "always" is not offered. */
  readonly tainted: boolean
}

/** {@link Approvals}, with what the ledger of actions and the routes need besides. */
export interface ApprovalBook extends Approvals {
  /** The open approval of this call when it is for this very request, else a new one; an older one of the call lapses. */
  ask(asking: Asking): Promise<Approval>
  /** The newest approval of a call, whatever its state. */
  ofCall(work: string, call: string): Promise<Approval | undefined>
  /** Whether the approval is for this request and no other. */
  covers(approval: Approval, agent: string, request: ActionRequest): boolean
  /** Makes an approved one used, once, inside the caller's transaction; false when it is not approved any more. */
  use(id: string, transaction: ISql): Promise<boolean>
  /** Says to whoever looks that this one changed. */
  changed(id: string): Promise<void>
  /** Adds to why it is asked: what the supervisor thinks. */
  addReason(id: string, reason: string): Promise<void>
  /** The supervisor may turn down what an agent asks for, and nothing else: false when it is not waiting any more. */
  turnDown(id: string, why: string): Promise<boolean>
  /** What nobody needs any more lapses: its work ended. */
  withdraw(of: { readonly work: string } | { readonly task: string }): Promise<void>
  rule(id: string): Promise<AlwaysRule | undefined>
}

/** The plan's 24 hours. */
const dayInMilliseconds = 86_400_000

/** Postgres keeps every character but NUL and half surrogates. */
const clean = (text: string) => text.replaceAll('\0', '').toWellFormed()

export function createApprovals(deps: ApprovalsDeps): ApprovalBook {
  const { store, clock } = deps
  const listeners = new Set<(approval: Approval) => void>()
  const one = async (id: string) => {
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return undefined
    return (await store<ApprovalRow[]>`SELECT * FROM agent_approval WHERE id = ${id}`)[0]
  }
  const get = async (id: string) => {
    const row = await one(id)
    return row && approvalOf(row, clock.now())
  }
  const tell = (rows: readonly ApprovalRow[]) => {
    for (const row of rows) for (const listener of listeners) listener(approvalOf(row, clock.now()))
  }
  const lapse = async (rows: Promise<ApprovalRow[]>) => tell(await rows)
  const digestOf = (approval: Approval, agent: string, request: ActionRequest) =>
    approvalDigest(requestDigest(agent, request), approval.expiresAt) === approval.digest

  return {
    get,
    covers: digestOf,
    async waiting() {
      const rows = await store<ApprovalRow[]>`
        SELECT * FROM agent_approval WHERE state = 'waiting' AND expires_at > ${clock.now()} ORDER BY asked_at`
      return rows.map(row => approvalOf(row, clock.now()))
    },
    async recent(limit) {
      const rows = await store<ApprovalRow[]>`SELECT * FROM agent_approval ORDER BY asked_at DESC LIMIT ${limit}`
      return rows.map(row => approvalOf(row, clock.now()))
    },
    async ofCall(work, call) {
      const rows = await store<ApprovalRow[]>`
        SELECT * FROM agent_approval WHERE work = ${work} AND call = ${call} ORDER BY asked_at DESC LIMIT 1`
      return rows.map(row => approvalOf(row, clock.now()))[0]
    },
    async ask(asking) {
      const found = await insert(deps, asking)
      tell([found])
      return approvalOf(found, clock.now())
    },
    async decide(id, decision, by, note) {
      if (!/^(person .|operator( |$))/.test(by)) {
        throw new ApplianceError('invalid', 'only a person decides what an agent asks for', { subject: by })
      }
      const approval = await get(id)
      if (approval?.state !== 'waiting') return false
      await deps.audit.record(decided(approval, decision, by, 'intent'))
      const rows = await store<ApprovalRow[]>`
        UPDATE agent_approval SET state = ${decision}, decided_at = ${clock.now()}, decided_by = ${by},
          note = ${note === undefined ? null : clean(note)}
        WHERE id = ${id} AND state = 'waiting' AND expires_at > ${clock.now()} RETURNING *`
      if (rows.length === 0) return false
      await deps.audit.record(decided(approval, decision, by, decision === 'approved' ? 'success' : 'denied'))
      tell(rows)
      return true
    },
    async decided(id, signal) {
      for (;;) {
        const change = Promise.withResolvers<void>()
        const listener = (approval: Approval) => {
          if (approval.id === id) change.resolve()
        }
        listeners.add(listener)
        const waiting = new AbortController()
        try {
          const approval = await get(id)
          if (approval === undefined) throw new ApplianceError('invalid', `there is no approval ${id}`)
          if (approval.state !== 'waiting' || signal.aborted) return approval
          const left = Date.parse(approval.expiresAt) - clock.now().getTime()
          await Promise.race([change.promise, clock.sleep(Math.min(left, 60_000), AbortSignal.any([signal, waiting.signal]))])
        } finally {
          listeners.delete(listener)
          waiting.abort()
        }
      }
    },
    async use(id, transaction) {
      const rows = await transaction`
        UPDATE agent_approval SET state = 'used' WHERE id = ${id} AND state = 'approved' AND expires_at > ${clock.now()} RETURNING id`
      return rows.length === 1
    },
    async changed(id) {
      const row = await one(id)
      if (row !== undefined) tell([row])
    },
    addReason: (id, reason) =>
      lapse(store<ApprovalRow[]>`
        UPDATE agent_approval SET reason = concat_ws('. ', nullif(rtrim(reason, '.'), ''), ${clean(visible(reason))}::text)
        WHERE id = ${id} AND state = 'waiting' RETURNING *`),
    async turnDown(id, why) {
      const approval = await get(id)
      if (approval?.state !== 'waiting') return false
      await deps.audit.record(decided(approval, 'denied', '', 'denied', 'supervisor'))
      const rows = await store<ApprovalRow[]>`
        UPDATE agent_approval SET state = 'denied', decided_at = ${clock.now()}, decided_by = 'agent supervisor',
          note = ${clean(visible(why))} WHERE id = ${id} AND state = 'waiting' RETURNING *`
      tell(rows)
      return rows.length === 1
    },
    withdraw: of =>
      lapse(
        'work' in of
          ? store<ApprovalRow[]>`
              UPDATE agent_approval SET state = 'expired' WHERE work = ${of.work} AND state IN ('waiting', 'approved') RETURNING *`
          : store<ApprovalRow[]>`
              UPDATE agent_approval SET state = 'expired' WHERE task = ${of.task} AND state IN ('waiting', 'approved') RETURNING *`,
      ),
    async rule(id) {
      const row = await one(id)
      return row && ruleOf(row)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

async function insert(deps: ApprovalsDeps, { agent, request, task, thread, reason, tainted }: Asking): Promise<ApprovalRow> {
  const { store, clock } = deps
  const now = clock.now()
  const expiresAt = new Date(now.getTime() + (deps.lifetime ?? dayInMilliseconds))
  const digest = requestDigest(agent, request)
  const rule = tainted || request.requiresApproval ? undefined : await alwaysRule(agent, request.needs, deps.simple)
  return await store.begin(async transaction => {
    await transaction`SELECT pg_advisory_xact_lock(hashtextextended(${`${request.work} ${request.call}`}, 0))`
    await transaction`
      UPDATE agent_approval SET state = 'expired' WHERE work = ${request.work} AND call = ${request.call}
        AND state IN ('waiting', 'approved') AND (request <> ${digest} OR expires_at <= ${now})`
    const open = await transaction<ApprovalRow[]>`
      SELECT * FROM agent_approval WHERE work = ${request.work} AND call = ${request.call} AND state IN ('waiting', 'approved')`
    if (open[0] !== undefined) return open[0]
    const rows = await transaction<ApprovalRow[]>`
      INSERT INTO agent_approval (id, agent, work, call, task, thread, tool, title, reason, shown, needs, request, digest, rule,
        state, asked_at, expires_at)
      VALUES (${randomUUID()}, ${agent}, ${request.work}, ${request.call}, ${task ?? null}, ${thread ?? null}, ${request.tool},
        ${clean(visible(request.title))}, ${clean(visible(reason))}, ${JSON.stringify(shownOf(agent, request, expiresAt.toISOString()))},
        ${JSON.stringify(request.needs)}, ${digest}, ${approvalDigest(digest, expiresAt.toISOString())},
        ${rule === undefined ? null : JSON.stringify(rule)}, 'waiting', ${now}, ${expiresAt})
      RETURNING *`
    const [row] = rows
    if (row === undefined) throw new ApplianceError('failed', 'the approval was not written')
    return row
  })
}

const decided = (
  approval: Approval,
  decision: 'approved' | 'denied',
  by: string,
  outcome: 'intent' | 'success' | 'denied',
  step = 'person',
) => ({
  type: 'permission_escalation' as const,
  agent: approval.agent,
  user: by,
  action: `approval.${decision}`,
  target: approval.title,
  outcome,
  details: { step, approval: approval.id, digest: approval.digest },
  ...(approval.task === undefined ? {} : { session: approval.task }),
})
