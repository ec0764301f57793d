import { join } from 'node:path'
import type { AgentsRoom } from '../runtime/bus/create-agents.ts'
import { strangersIn } from '../runtime/bus/foreign-files.ts'
import { placeOfWork, threadOfWork } from '../runtime/bus/standing.ts'
import { taint } from '../runtime/bus/threads.ts'
import type { Home } from '../runtime/os/home.ts'
import type { Actions } from '../runtime/policy/action.ts'
import { createActions } from '../runtime/policy/actions/actions.ts'
import { type ApprovalBook, createApprovals } from '../runtime/policy/approvals/approvals.ts'
import { simpleLine } from '../runtime/policy/approvals/simple-line.ts'
import { decideNeeds } from '../runtime/policy/rules/decide.ts'
import type { Tasks } from '../runtime/tasks/task.ts'
import type { Ground } from './ground.ts'
import { createOpinions } from './opinions.ts'

/** What agents may do: the rules, the people who are asked, and the ledger of what was done. */
export function buildPolicy(
  home: Home,
  { store, clock, audit, log }: Ground,
  agents: AgentsRoom,
  tasks: Pick<Tasks, 'get'>,
): { readonly actions: Actions; readonly approvals: ApprovalBook } {
  const approvals = createApprovals({ store, clock, audit, simple: simpleLine })
  const consult = createOpinions({
    ...{ agents, tasks, approvals, audit, clock, log: log.with({ component: 'approvals' }) },
    taint: (thread, source) => taint(store, thread, source),
  })
  const actions = createActions({
    ...{ store, clock, audit, approvals, consult },
    decide: (policy, needs, { agent }) => decideNeeds(policy, needs, { agent, places: placesOf(home, agent) }),
    policyOf: async agent => agents.policyOf(agent),
    async strangers(agent, standing, needs) {
      const source = await strangersIn(store, { agent, ...standing }, needs, placesOf(home, agent))
      if (source !== undefined && standing.thread !== undefined) await taint(store, standing.thread, source)
      return source !== undefined
    },
    async taint(work, source) {
      const thread = await threadOfWork(store, work)
      if (thread !== undefined) await taint(store, thread, source.replaceAll('\0', '').toWellFormed())
    },
    standing: (agent, work, attempt) => placeOfWork(store, agent, work, attempt),
  })
  return { actions, approvals }
}

const placesOf = (home: Home, agent: string) => ({
  workspace: join(home.workspaces, agent),
  www: home.www,
  projects: home.projects,
  logs: home.logs,
})
