/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { WorkStep } from '../../../runtime/bus/agents.ts'
import type { Task } from '../../../runtime/tasks/task.ts'
import { StepList } from '../chat/steps.tsx'
import { Fact, Title } from '../components/facts.tsx'
import type { Frame } from '../components/frame.ts'
import { frameRegions, Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import { Ago, span } from '../components/time.tsx'
import { htmlOf, liveAddress, type Region, region } from '../live/regions.ts'
import type { Markdown } from '../markdown/markdown.ts'
import { urls } from '../urls.ts'
import { TaskGraph } from './graph.tsx'
import { count, dollars, ended, lookOf, whoOf } from './words.ts'

export interface TaskView {
  readonly frame: Frame
  readonly task: Task
  /** All of the same submission. */
  readonly graph: readonly Task[]
  /** What its agent did for it, oldest first. */
  readonly steps: readonly WorkStep[]
  readonly markdown: Markdown
  readonly now: Date
}

export const taskRegions = (view: TaskView): readonly Region[] => [
  ...frameRegions(view.frame),
  region('standing', <Standing {...view} />),
  region('graph', <Graph {...view} />),
  region('outcome', <Outcome {...view} />),
  region('doings', <Doings {...view} />),
  region('task-controls', <Controls {...view} />),
]

export const TaskPage = ({ view, notice }: { readonly view: TaskView; readonly notice?: string | undefined }) => {
  const { frame, task } = view
  const regions = taskRegions(view)
  return (
    <Page frame={frame} title={task.name} room="tasks" live={liveAddress(urls.taskLive.to(task.id), regions)} notice={notice}>
      <Title up={{ label: 'tasks', to: urls.tasks.to() }} title={task.name}>
        {raw(htmlOf(regions, 'standing'))}
      </Title>
      {raw(htmlOf(regions, 'graph'))}
      <div class="pair free">
        <section aria-labelledby="asked-title">
          <h2 id="asked-title">What is asked</h2>
          <p class="words">{task.description}</p>
          {task.criteria.length === 0 ? null : (
            <>
              <h3>Done when</h3>
              <ul class="criteria">
                {task.criteria.map(criterion => (
                  <li>{criterion}</li>
                ))}
              </ul>
            </>
          )}
        </section>
        {raw(htmlOf(regions, 'outcome'))}
      </div>
      {raw(htmlOf(regions, 'doings'))}
      {raw(htmlOf(regions, 'task-controls'))}
    </Page>
  )
}

const Standing = ({ task, now }: TaskView) => (
  <div id="standing" class="standing">
    <p class="big">
      <StateWord {...lookOf(task)} />
    </p>
    <p class="message">{task.reason}</p>
    <dl class="facts">
      <Fact name="Agent">
        <a href={urls.agent.to(task.agent)}>{task.agent}</a>
      </Fact>
      <Fact name="Tries">{`${task.tries} of ${task.maxRetries + 1}`}</Fact>
      <Fact name="Priority">{task.priority}</Fact>
      <Fact name="Tokens">{count(task.spent.tokens)}</Fact>
      <Fact name="Money">{dollars(task.spent.microdollars)}</Fact>
      <Fact name="Time">{`${span(task.spent.milliseconds)} of ${span(task.timeoutSeconds * 1_000)}`}</Fact>
      <Fact name="Asked">
        <Ago at={task.createdAt} now={now} />
      </Fact>
      <Fact name="By">
        {task.thread === undefined ? whoOf(task) : <a href={urls.chatThread.to(task.thread)}>{whoOf(task)}</a>}
      </Fact>
    </dl>
  </div>
)

const Graph = ({ task, graph }: TaskView) => {
  const before = graph.filter(({ id }) => task.dependsOn.includes(id))
  const after = graph.filter(({ dependsOn }) => dependsOn.includes(task.id))
  return (
    <section id="graph" aria-label="Graph">
      {graph.length < 2 ? null : <TaskGraph tasks={graph} current={task.id} label="What depends on what" />}
      <dl class="neighbours">
        <Neighbours name="Waits for" tasks={before} />
        <Neighbours name="Then" tasks={after} />
      </dl>
    </section>
  )
}

const Neighbours = ({ name, tasks }: { readonly name: string; readonly tasks: readonly Task[] }) =>
  tasks.length === 0 ? null : (
    <div>
      <dt>{name}</dt>
      {tasks.map(task => (
        <dd>
          <StateWord {...lookOf(task)} /> <a href={urls.task.to(task.id)}>{task.name}</a>
        </dd>
      ))}
    </div>
  )

const Outcome = ({ task, markdown }: TaskView) => (
  <section id="outcome" aria-labelledby="outcome-title">
    <h2 id="outcome-title">What came of it</h2>
    {task.error === undefined ? null : <p class="because words">{task.error}</p>}
    {task.result === undefined ? (
      task.error === undefined ? (
        <p class="calm">Nothing yet.</p>
      ) : null
    ) : (
      <div class="body">
        {markdown(task.result).map(html => (
          <div class="md">{raw(html)}</div>
        ))}
      </div>
    )}
  </section>
)

const Doings = ({ steps }: TaskView) => (
  <section id="doings" aria-labelledby="doings-title">
    <h2 id="doings-title">What was done</h2>
    {steps.length === 0 ? <p class="calm">Nothing yet.</p> : <StepList steps={steps} />}
  </section>
)

const Controls = ({ task }: TaskView) => (
  <section id="task-controls" class="controls" aria-label="Controls">
    {ended(task) ? (
      task.state === 'completed' ? null : (
        <form method="post" action={urls.taskRetry.to(task.id)} class="decide">
          <button type="submit" class="main">
            Retry
          </button>
          <p class="hint">It begins anew, and what was cancelled with it.</p>
        </form>
      )
    ) : (
      <form method="post" action={urls.taskCancel.to(task.id)} class="decide">
        <button type="submit" class="second">
          Cancel
        </button>
        <p class="hint">It stops, and what waits for it is cancelled too.</p>
      </form>
    )}
  </section>
)
