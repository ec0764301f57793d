/** @jsxImportSource hono/jsx */
import type { Task } from '../../../runtime/tasks/task.ts'
import { StateMark } from '../components/state.tsx'
import { ended, lookOf, progressOf, standingOf } from '../tasks/words.ts'
import { urls } from '../urls.ts'

interface WorkProps {
  readonly thread: string
  readonly tasks: readonly Task[]
}

/** Who works on what for this conversation, how far it is, and what waits for what. */
export const WorkPanel = ({ thread, tasks }: WorkProps) => {
  const done = tasks.filter(({ state }) => state === 'completed').length
  return (
    <section id="work" class="work" aria-labelledby="work-title">
      <h2 id="work-title">Work</h2>
      {tasks.length === 0 ? <p class="calm">Nothing was handed out in this conversation.</p> : null}
      {tasks.length === 0 ? null : (
        <>
          <p class="progress">
            <progress value={done} max={tasks.length} aria-label="Tasks done"></progress> {progressOf(tasks)}
          </p>
          <ol>
            {tasks.map(task => (
              <TaskLine task={task} />
            ))}
          </ol>
        </>
      )}
      {tasks.every(ended) ? null : (
        <form method="post" action={urls.chatCancel.to(thread)} hx-post={urls.chatCancel.to(thread)} hx-swap="none">
          <button type="submit" class="second small">
            Cancel this work
          </button>
        </form>
      )}
    </section>
  )
}

const TaskLine = ({ task }: { readonly task: Task }) => {
  const { state, word } = lookOf(task)
  const why = task.state === 'completed' ? '' : task.reason || (task.state === 'failed' ? standingOf(task) : '')
  return (
    <li>
      <StateMark state={state} />
      <p>
        <a href={urls.task.to(task.id)}>{task.name}</a> <code>{task.agent}</code>
        <small class={`s-${state}`}>{word}</small>
      </p>
      <p class="why" title={why}>
        {why}
      </p>
    </li>
  )
}

/** The same in one line, for where the panel is out of sight. */
export const WorkBrief = ({ tasks }: Pick<WorkProps, 'tasks'>) => {
  const busy = tasks.filter(({ state }) => state === 'in_progress').map(({ agent }) => agent)
  return (
    <p id="work-brief" class="work-brief">
      {tasks.length === 0 ? null : (
        <a href="#work">
          {progressOf(tasks)}
          {busy.length === 0 ? null : `, ${[...new Set(busy)].join(', ')} at work`}
        </a>
      )}
    </p>
  )
}
