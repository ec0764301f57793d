import type { FakeAgents } from './fake-agents.ts'
import { approval, type FakeApprovals } from './fake-approvals.ts'
import { type FakeHealth, health } from './fake-health.ts'
import { type FakeTasks, task } from './fake-tasks.ts'

const at = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

const plan = `I split it into three tasks and handed them out:

1. **code** writes the page,
2. **qa** checks it,
3. **infra** publishes it, which needs your approval.`

const news = `qa sent it back once: the opening hours were missing. code has added them, and the check passes now.

| check | result |
|---|---|
| valid HTML | yes |
| opening hours | yes |
| weight | 6 KB |

The page is one file:

\`\`\`html
<!doctype html>
<title>Bakery</title>
<h1>Bread, every day from 6</h1>
\`\`\`

infra waits for you: publishing on \`bakery.example.com\` changes the server.`

/** The bakery in the middle of its story: written, checked, and waiting for a person. */
export async function playWork(
  agents: FakeAgents,
  tasks: FakeTasks,
  approvals: FakeApprovals,
  wellbeing: FakeHealth,
): Promise<string> {
  const older = await agents.openThread('supervisor', 'Which sites does this server serve?', 'Ada')
  agents.utter({ ...said('o1', older.id), text: 'Which sites does this server serve?', at: at(300) })
  const { id: thread } = await agents.openThread('supervisor', 'Build a landing page for my bakery', 'Ada')
  const request = 'build a landing page for my bakery, check it, and put it on bakery.example.com'
  agents.utter({ ...said('w1', thread), text: request, at: at(9) })
  const answer = { agent: 'supervisor', thread, role: 'agent', by: 'supervisor', state: 'done' } as const
  agents.utter({ ...answer, id: 'w2', answers: 'w1', text: plan, at: at(9) })
  const submitted = {
    tool: 'task_submit',
    title: '3 tasks',
    state: 'done',
    summary: 'code → qa → infra',
    milliseconds: 41,
  } as const
  agents.step('supervisor', { work: 'w1', call: 'c1', ...submitted, afterText: 0 })
  const event = { agent: 'supervisor', thread, role: 'event', by: 'qa', state: 'done' } as const
  agents.utter({ ...event, id: 'w3', text: 'The task **check the page** is done.', at: at(2) })
  agents.utter({ ...answer, id: 'w4', answers: 'w3', text: news, at: at(1) })
  const common = { graph: 'bakery', thread, by: 'supervisor', createdAt: at(9) }
  const done = { state: 'completed', tries: 1, endedAt: at(3) } as const
  const spent = (tokens: number, microdollars: number, milliseconds: number) => ({ tokens, microdollars, milliseconds })
  const result = 'One file, `index.html`, 6 KB, on branch `main` of **bakery**.'
  tasks.put(
    task({ ...common, ...done, id: 't1', name: 'write the page', tries: 2, result, spent: spent(41_200, 214_000, 96_000) }),
  )
  const check = { ...common, ...done, id: 't2', name: 'check the page', agent: 'qa', dependsOn: ['t1'] }
  tasks.put(task({ ...check, result: 'Valid, complete, light.', spent: spent(18_400, 88_100, 41_000) }))
  tasks.put(
    task({
      ...common,
      id: 't3',
      name: 'publish on bakery.example.com',
      agent: 'infra',
      dependsOn: ['t2'],
      state: 'blocked',
      reason: 'waits for a person: publish bakery on bakery.example.com',
      tries: 1,
      startedAt: at(1),
      spent: spent(6_100, 31_000, 9_000),
    }),
  )
  agents.work('qa', 't2', 'tidy -q -e index.html')
  approvals.ask(approval({ task: 't3', thread: 'of task t3' }))
  for (const name of ['supervisor', 'code', 'data', 'qa']) wellbeing.put(health(name))
  const waits = { currentTask: 't3', waitingFor: 'a person: publish bakery on bakery.example.com', queueDepth: 1 }
  wellbeing.put(health('infra', waits))
  wellbeing.put(health('research', { status: 'offline', reason: 'no heartbeat for 31 s' }))
  return thread
}

const said = (id: string, thread: string) =>
  ({ id, thread, agent: 'supervisor', role: 'person', by: 'Ada', state: 'done' }) as const
