import { z } from 'zod'
import { addRule } from '../../desired-state/edit-rules.ts'
import type { Repository } from '../../desired-state/repository.ts'
import { renderMistake } from '../../desired-state/state.ts'
import type { Engine } from '../../reconcilers/engine/status.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { AlwaysRule } from '../../runtime/policy/approvals/always.ts'
import type { ApprovalBook } from '../../runtime/policy/approvals/approvals.ts'
import { json, readJson } from '../door/answer.ts'
import { nameOf } from '../door/door.ts'
import type { Identity, Route } from '../door/route.ts'
import { authorOf } from './author.ts'

export interface ApprovalRouteDependencies {
  readonly approvals: Pick<ApprovalBook, 'waiting' | 'recent' | 'get' | 'decide' | 'rule'>
  readonly repository: Repository
  readonly engine: Pick<Engine, 'moved'>
}

const people = ['operator', 'person'] as const
const approveBody = z.strictObject({ always: z.boolean().optional(), digest: z.string().optional() })
const denyBody = z.strictObject({ reason: z.string().max(2_000).optional(), digest: z.string().optional() })

/** What agents wait for, and a person's word on it. */
export function createApprovalRoutes(dependencies: ApprovalRouteDependencies): readonly Route[] {
  const { approvals } = dependencies
  const writing = { method: 'POST', policy: people, rateLimit: { requests: 60, seconds: 60 } } as const
  return [
    {
      method: 'GET',
      path: '/api/approvals',
      policy: people,
      rateLimit: { requests: 600, seconds: 60 },
      audit: false,
      handle: async () => json({ waiting: await approvals.waiting(), recent: await approvals.recent(50) }),
    },
    {
      ...writing,
      path: '/api/approvals/:id/approve',
      audit: 'approval.approve',
      handle: async ({ params, request, identity }) => {
        const { always = false, digest } = await readJson(request, approveBody)
        const { rule } = await approve(dependencies, { id: params.id ?? '', always, digest }, identity)
        return json({ approved: params.id, rule })
      },
    },
    {
      ...writing,
      path: '/api/approvals/:id/deny',
      audit: 'approval.deny',
      handle: async ({ params, request, identity }) => {
        const id = params.id ?? ''
        const { reason, digest } = await readJson(request, denyBody)
        await seen(approvals, id, digest)
        if (await approvals.decide(id, 'denied', nameOf(identity), reason)) return json({ denied: id })
        throw settled(id)
      },
    },
  ]
}

export interface Approving {
  readonly id: string
  /** Saves the rule that was shown, as a commit of whoever approves. */
  readonly always: boolean
  /** Of what the person saw; another one is refused. */
  readonly digest?: string | undefined
}

/** One person's yes. The rule is committed first: when it is refused, nothing is approved. */
export async function approve(
  { approvals, repository, engine }: ApprovalRouteDependencies,
  { id, always, digest }: Approving,
  identity: Identity,
): Promise<{ readonly rule: string | undefined }> {
  const approval = await seen(approvals, id, digest)
  if (approval.state !== 'waiting') throw settled(id)
  const rule = always ? await approvals.rule(id) : undefined
  if (always && rule === undefined) {
    throw new ApplianceError('invalid', 'there is no rule that could always allow this', { hint: 'approve it this once' })
  }
  if (rule !== undefined && (await saveRule(repository, rule, identity))) engine.moved()
  if (!(await approvals.decide(id, 'approved', nameOf(identity)))) throw settled(id)
  return { rule: always ? approval.rule : undefined }
}

async function seen(approvals: ApprovalRouteDependencies['approvals'], id: string, digest: string | undefined) {
  const approval = await approvals.get(id)
  if (approval === undefined)
    throw new ApplianceError('invalid', `nothing is asked under ${id}`, { hint: 'the verb approvals lists what is' })
  if (digest === undefined || digest === approval.digest) return approval
  throw new ApplianceError('invalid', 'this is not what you looked at', { hint: 'look again, then decide' })
}

const settled = (id: string) =>
  new ApplianceError('invalid', `${id} is not waiting any more`, { hint: 'it was decided, used, or nobody decided in time' })

/** True when main moved. */
async function saveRule(repository: Repository, rule: AlwaysRule, identity: Identity): Promise<boolean> {
  const { agent, section, pattern } = rule
  const file = 'permissions.yaml'
  const head = await repository.head()
  if (head === undefined) throw new ApplianceError('invalid', 'there is no commit yet')
  const text = addRule(file, await repository.file(head, file), ['permissions', agent, section, 'always'], pattern)
  if (text === undefined) return false
  const message = `Always allow ${agent}: ${section} ${pattern}`
  const result = await repository.edit(head, new Map([[file, text]]), authorOf(identity), message)
  if (result.outcome === 'refused') throw new ApplianceError('invalid', result.mistakes.map(renderMistake).join('\n'))
  if (result.outcome === 'conflict') throw new ApplianceError('invalid', 'main has moved meanwhile', { hint: 'repeat' })
  return result.outcome === 'committed'
}
