import { z } from 'zod'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Task, Tasks } from '../../runtime/tasks/task.ts'
import { type DocumentedRoute, isId, limitOf, notFound, people, reads, writes } from './define.ts'
import { submission, task, taskState } from './shapes/agents.ts'
import { list } from './shapes/engine.ts'
import { speakerOf } from './speaker.ts'

export interface TasksApiDeps {
  readonly tasks: Tasks
}

const tag = 'tasks'

const filter = z.object({
  agent: z.string().optional(),
  thread: z.string().optional(),
  state: z
    .string()
    .transform(states => states.split(','))
    .pipe(z.array(taskState))
    .describe('One or several, with commas')
    .optional(),
  limit: limitOf(200, 1_000),
})

/** What the agents are given to do. */
export function tasksRoutes({ tasks }: TasksApiDeps): readonly DocumentedRoute[] {
  const find = async (id: string): Promise<Task | undefined> => (isId(id) ? tasks.get(id) : undefined)
  const standing = async (id: string) => (await find(id)) ?? noTask()
  return [
    reads({
      ...{ path: '/api/tasks', policy: people, tag, query: filter, answer: list(task) },
      summary: 'Tasks, newest first',
      handle: ({ query: { agent, thread, state, limit } }) =>
        tasks.list({
          limit,
          ...(agent === undefined ? {} : { agent }),
          ...(thread === undefined ? {} : { thread }),
          ...(state === undefined ? {} : { states: state }),
        }),
    }),
    writes({
      ...{ path: '/api/tasks', policy: people, audit: 'task.submitted', tag, body: submission, answer: list(task) },
      summary: 'Add a graph of tasks, all or none',
      handle: ({ body, call }) =>
        tasks.submit({
          tasks: body.tasks,
          by: speakerOf(call.identity),
          ...(body.thread === undefined ? {} : { thread: body.thread }),
        }),
    }),
    reads({
      ...{ path: '/api/tasks/:id', policy: people, tag, answer: task },
      summary: 'One task',
      handle: ({ param }) => standing(param('id')),
    }),
    reads({
      ...{ path: '/api/graphs/:id', policy: people, tag, answer: list(task) },
      summary: 'All tasks of one submission, oldest first',
      async handle({ param }) {
        const found = isId(param('id')) ? await tasks.graph(param('id')) : []
        return found.length > 0 ? found : notFound('there is no such graph', 'a task names its graph')
      },
    }),
    writes({
      ...{ path: '/api/tasks/:id/cancel', policy: people, audit: 'task.cancelled', tag, answer: task },
      summary: 'Cancel a task and all that depends on it',
      async handle({ param, call }) {
        const found = await find(param('id'))
        if (found === undefined) return noTask()
        if (await tasks.cancel(found.id, speakerOf(call.identity))) return standing(found.id)
        throw new ApplianceError('invalid', `the task is ${found.state} already`)
      },
    }),
    writes({
      ...{ path: '/api/tasks/:id/retry', policy: people, audit: 'task.retried', tag, answer: task },
      summary: 'Begin a failed or cancelled task anew, with what was cancelled with it',
      async handle({ param, call }) {
        const found = await find(param('id'))
        if (found === undefined) return noTask()
        if (await tasks.retry(found.id, speakerOf(call.identity))) return standing(found.id)
        throw new ApplianceError('invalid', `the task is ${found.state}`, {
          hint: 'only what failed or was cancelled begins anew',
        })
      },
    }),
  ]
}

const noTask = () => notFound('there is no such task', 'GET /api/tasks lists them')
