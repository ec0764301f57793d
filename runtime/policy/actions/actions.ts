import type { AgentPolicy } from '../../../desired-state/state.ts'
import type { Audit } from '../../audit/audit.ts'
import type { AuditEvent } from '../../audit/event.ts'
import { parseStoredEvent } from '../../audit/parse.ts'
import type { Clock } from '../../os/clock.ts'
import { ApplianceError } from '../../os/errors.ts'
import type { Store } from '../../store/store.ts'
import type { ActionRequest, ActionResult, Actions, Approval, Need, Verdict } from '../action.ts'
import type { ApprovalBook } from '../approvals/approvals.ts'
import { requestDigest } from '../approvals/binding.ts'
import { changedFile } from '../approvals/digests.ts'
import { describe } from './describe.ts'
import { type ActionRow, actionOf, dispatch, dispatchAgain, dispatched, settle } from './ledger.ts'
import { taintedReason } from './tainted.ts'

/** What the rules say of one request. */
export type Ruling =
  | { readonly decision: 'allow' }
  | { readonly decision: 'deny'; readonly reason: string }
  | { readonly decision: 'ask'; readonly reason: string }

export interface Facts {
  readonly agent: string
}

/** Where a piece of work stands, for whoever holds its newest fencing token. */
export interface Standing {
  readonly thread: string | undefined
  readonly task: string | undefined
  readonly tainted: boolean
}

export interface ActionsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly audit: Pick<Audit, 'record'>
  readonly approvals: ApprovalBook
  /** The rules alone; knows nothing of people and of earlier decisions. */
  readonly decide: (policy: AgentPolicy, needs: readonly Need[], facts: Facts) => Ruling | Promise<Ruling>
  readonly policyOf: (agent: string) => Promise<AgentPolicy | undefined>
  /** Undefined when the work is not this agent's any more, or the attempt is an older one. */
  readonly standing: (agent: string, work: string, attempt: number) => Promise<Standing | undefined>
  /** Whether what is about to be read may hold text of strangers; from then on the thread counts as holding it. */
  readonly strangers?: (agent: string, standing: Standing, needs: readonly Need[]) => Promise<boolean>
  /** Text of strangers came with the result of this work's action. */
  readonly taint?: (work: string, source: string) => Promise<void>
  /** Called for each new approval: the supervisor may say what it thinks. */
  readonly consult?: (approval: Approval, request: ActionRequest) => void
}

const deny = (reason: string): Verdict => ({ verdict: 'deny', reason })

export function createActions(deps: ActionsDeps): Actions {
  return {
    decide: (agent, request) => decide(deps, agent, request),
    confirm: (agent, action, result) => confirm(deps, agent, action, result),
  }
}

/** One request with what is known of it. */
interface Asked {
  readonly agent: string
  readonly request: ActionRequest
  readonly digest: string
  readonly standing: Standing
  readonly event: ReturnType<typeof describe>
}

async function decide(deps: ActionsDeps, agent: string, request: ActionRequest): Promise<Verdict> {
  const standing = await deps.standing(agent, request.work, request.attempt)
  if (standing === undefined) return deny('this work is settled: it was cancelled, ended, or given to somebody else')
  const event = describe(agent, request, standing.task ?? standing.thread)
  const asked: Asked = { agent, request, digest: requestDigest(agent, request), standing, event }
  const before = await actionOf(deps.store, request.work, request.call)
  return before === undefined ? await decideNew(deps, asked) : await decideAgain(deps, asked, before)
}

/**
 * This call was dispatched before: its process may have died, or only the answer was lost. After a death the request may
 * read otherwise, because the call itself has changed a file that it names: what came of it is told all the same, and
 * nothing is done again but what is word for word the same and only looks.
 */
async function decideAgain(deps: ActionsDeps, asked: Asked, before: ActionRow): Promise<Verdict> {
  const { request } = asked
  const same = before.request === asked.digest
  const died = before.attempt !== request.attempt
  if (before.agent !== asked.agent || !(same || died)) {
    return refuse(deps, asked, 'this call was asked for with something else before; make a new call')
  }
  if (before.state !== 'dispatched') {
    return { verdict: 'done', result: { outcome: before.state, content: before.result ?? '' } }
  }
  if (died && !(same && request.needs.every(need => need.kind === 'read'))) {
    await deps.audit.record({ ...asked.event, outcome: 'failure', details: { call: request.call, reason: 'outcome unknown' } })
    return { verdict: 'unknown', at: before.dispatched_at.toISOString() }
  }
  await dispatchAgain(deps.store, before.id, request.attempt, deps.clock.now())
  return allow(deps, asked, before.id)
}

async function decideNew(deps: ActionsDeps, known: Asked): Promise<Verdict> {
  const { agent, request } = known
  const policy = await deps.policyOf(agent)
  if (policy === undefined) return refuse(deps, known, 'this agent is not declared')
  const ruling = await deps.decide(policy, request.needs, { agent })
  if (ruling.decision === 'deny') return refuse(deps, known, ruling.reason)
  const tainted = known.standing.tainted || (await deps.strangers?.(agent, known.standing, request.needs)) === true
  const asked: Asked = { ...known, standing: { ...known.standing, tainted } }
  if (ruling.decision === 'ask') return throughPerson(deps, asked, ruling.reason)
  const suspicious = tainted ? taintedReason(policy, request.needs) : undefined
  if (suspicious !== undefined) return throughPerson(deps, asked, suspicious)
  if (request.requiresApproval) return throughPerson(deps, asked, `${request.tool} asks each time`)
  return start(deps, asked, undefined)
}

/** The rules leave it to a person: what one said of this very request counts once. */
async function throughPerson(deps: ActionsDeps, asked: Asked, reason: string): Promise<Verdict> {
  const { agent, request } = asked
  const changed = await changedFile(request.needs)
  if (changed !== undefined) return refuse(deps, asked, `${changed} is not what the request says; look again and make a new call`)
  const approval = await deps.approvals.ofCall(request.work, request.call)
  if (approval !== undefined && deps.approvals.covers(approval, agent, request)) {
    if (approval.state === 'denied') return refuse(deps, asked, deniedWords(approval))
    if (approval.state === 'approved') return start(deps, asked, approval)
    if (approval.state === 'expired')
      return refuse(deps, asked, 'nobody decided it in time; make a new call if it is still needed')
  }
  return ask(deps, asked, reason)
}

const deniedWords = ({ decidedBy, note }: Approval) => `${decidedBy ?? 'a person'} denied it${note ? `: ${note}` : ''}`

async function ask(deps: ActionsDeps, asked: Asked, reason: string): Promise<Verdict> {
  const { agent, request, standing } = asked
  const known = await deps.approvals.ofCall(request.work, request.call)
  const approval = await deps.approvals.ask({
    ...{ agent, request, reason, tainted: standing.tainted },
    ...{ task: standing.task, thread: standing.thread },
  })
  await deps.audit.record(escalation(asked, 'agent', { approval: approval.id }))
  await deps.audit.record(escalation(asked, 'policy', { approval: approval.id, reason }))
  if (known?.id !== approval.id) deps.consult?.(approval, request)
  return { verdict: 'ask', approval: approval.id, reason: approval.reason }
}

/** Dispatched and, where a person allowed it, the approval spent: both or neither. */
async function start(deps: ActionsDeps, asked: Asked, approval: Approval | undefined): Promise<Verdict> {
  const { agent, request, digest } = asked
  const action = await deps.store.begin(async transaction => {
    if (approval !== undefined && !(await deps.approvals.use(approval.id, transaction))) return undefined
    const event = JSON.stringify(asked.event)
    const id = await dispatch(transaction, { agent, request, digest, event, approval: approval?.id, at: deps.clock.now() })
    if (id === undefined) throw new ApplianceError('waiting', 'this call is being decided at this moment', { hint: 'ask again' })
    return id
  })
  if (action === undefined) return refuse(deps, asked, 'the approval is used or has expired; make a new call')
  if (approval !== undefined) await deps.approvals.changed(approval.id)
  return allow(deps, asked, action, approval)
}

/** The intent is durable before the agent may begin. */
async function allow(deps: ActionsDeps, { event, request }: Asked, action: string, approval?: Approval): Promise<Verdict> {
  const details = { call: request.call, action, ...(approval && { approval: approval.id, by: approval.decidedBy }) }
  await deps.audit.record({ ...event, outcome: 'intent', details })
  return { verdict: 'allow', action }
}

async function refuse(deps: ActionsDeps, { event, request }: Asked, reason: string): Promise<Verdict> {
  const details = { call: request.call, what: event.type, reason }
  await deps.audit.record({ ...event, type: 'permission_denied', outcome: 'denied', details })
  return deny(reason)
}

const escalation = ({ event, request }: Asked, step: string, details: Readonly<Record<string, unknown>>): AuditEvent => ({
  ...event,
  type: 'permission_escalation',
  outcome: 'intent',
  details: { step, call: request.call, ...details },
})

async function confirm(deps: ActionsDeps, agent: string, action: string, result: ActionResult): Promise<void> {
  const row = await dispatched(deps.store, agent, action)
  if (row === undefined) throw new ApplianceError('invalid', `no action ${action} of ${agent} is under way`)
  if (row.state !== 'dispatched') return
  if (result.tainted !== undefined) await deps.taint?.(row.work, result.tainted)
  const outcome = result.outcome === 'done' ? 'success' : 'failure'
  await deps.audit.record({ ...parseStoredEvent(row.event), outcome, details: { call: row.call, action } })
  await settle(deps.store, action, result, deps.clock.now())
}
