/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { Task } from '../../../runtime/tasks/task.ts'
import type { Frame } from '../components/frame.ts'
import { frameRegions, Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import { Ago } from '../components/time.tsx'
import { idFor, liveAddress, type Region, region, rowsOf } from '../live/regions.ts'
import { urls } from '../urls.ts'
import { type Filter, mostListed, shows, withFilter } from './filter.ts'
import { TaskGraph } from './graph.tsx'
import { dollars, lookOf, progressOf, standingOf, whoOf } from './words.ts'

export interface TasksView {
  readonly frame: Frame
  readonly filter: Filter
  readonly tasks: readonly Task[]
  /** Graphs that are under way, newest first. */
  readonly running: readonly (readonly Task[])[]
  readonly agents: readonly string[]
  readonly now: Date
}

export const tasksRegions = (view: TasksView): readonly Region[] => [
  ...frameRegions(view.frame),
  ...view.running.map(graph => runningRegion(graph, view.now)),
  ...view.tasks.map(task => {
    const id = idFor('t', task.id)
    return region(id, <TaskRow id={id} task={task} now={view.now} />, { within: 'tasks' })
  }),
]

export const TasksPage = ({ view }: { readonly view: TasksView }) => {
  const { frame, filter, tasks, agents } = view
  const regions = tasksRegions(view)
  const live = liveAddress(urls.tasksLive.to(), regions)
  return (
    <Page frame={frame} title="Tasks" room="tasks" live={withFilter(live, filter)}>
      <header class="title">
        <h1>Tasks</h1>
        <p class="lead">What the supervisor gave to agents, and how far it is.</p>
      </header>
      <div id="running">{raw(rowsOf(regions, 'running'))}</div>
      <section aria-labelledby="tasks-title">
        <h2 id="tasks-title">All tasks</h2>
        <FilterForm filter={filter} agents={agents} />
        {tasks.length === 0 ? <NoTasks filter={filter} /> : null}
        <table class="ledger tasks">
          <thead {...(tasks.length === 0 ? { class: 'unseen' } : {})}>
            <tr>
              <th scope="col">State</th>
              <th scope="col">Task</th>
              <th scope="col">What it says</th>
              <th scope="col">Agent</th>
              <th scope="col" class="num">
                Spent
              </th>
              <th scope="col" class="num">
                Since
              </th>
            </tr>
          </thead>
          <tbody id="tasks">{raw(rowsOf(regions, 'tasks'))}</tbody>
        </table>
        {tasks.length < filter.most || filter.most >= mostListed ? null : (
          <p class="further">
            <a class="second small" href={withFilter(urls.tasks.to(), { ...filter, most: filter.most * 4 })}>
              Older
            </a>
          </p>
        )}
      </section>
    </Page>
  )
}

const NoTasks = ({ filter }: { readonly filter: Filter }) => (
  <p class="calm">
    {filter.show === 'all' && filter.agent === ''
      ? 'There are none yet. Ask for something in the '
      : 'None like that. Ask for more in the '}
    <a href={urls.chat.to()}>chat</a>.
  </p>
)

const FilterForm = ({ filter, agents }: { readonly filter: Filter; readonly agents: readonly string[] }) => (
  <form method="get" action={urls.tasks.to()} class="filter">
    <label>
      State{' '}
      <select name="show">
        {shows.map(show => (
          <option value={show} selected={show === filter.show}>
            {show}
          </option>
        ))}
      </select>
    </label>
    <label>
      Agent{' '}
      <select name="agent">
        <option value="">everybody</option>
        {agents.map(name => (
          <option value={name} selected={name === filter.agent}>
            {name}
          </option>
        ))}
      </select>
    </label>
    <button type="submit" class="second">
      Filter
    </button>
  </form>
)

/** A graph that has ended stays while the page is looked at. */
function runningRegion(tasks: readonly Task[], now: Date): Region {
  const [first] = tasks
  const id = idFor('g', first?.graph ?? '')
  return region(
    id,
    <section id={id} class="submission" aria-label={`Asked by ${whoOf(first)}`}>
      <p class="by">
        <b>{progressOf(tasks)}</b> asked by {whoOf(first)} <Ago at={first?.createdAt ?? ''} now={now} />{' '}
        {first?.thread === undefined ? null : <a href={urls.chatThread.to(first.thread)}>conversation</a>}
      </p>
      <TaskGraph tasks={tasks} label={progressOf(tasks)} />
    </section>,
    { within: 'running' },
  )
}

interface RowProps {
  readonly id: string
  readonly task: Task
  readonly now: Date
}

const TaskRow = ({ id, task, now }: RowProps) => (
  <tr id={id}>
    <td>
      <StateWord {...lookOf(task)} />
    </td>
    <th scope="row">
      <a href={urls.task.to(task.id)}>{task.name}</a>
    </th>
    <td class="says" title={standingOf(task)}>
      {standingOf(task)}
    </td>
    <td>
      <code>{task.agent}</code>
    </td>
    <td class="num">{dollars(task.spent.microdollars)}</td>
    <td class="num">
      <Ago at={task.endedAt ?? task.startedAt ?? task.createdAt} now={now} />
    </td>
  </tr>
)
