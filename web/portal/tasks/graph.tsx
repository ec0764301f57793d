/** @jsxImportSource hono/jsx */
import type { Task } from '../../../runtime/tasks/task.ts'
import { urls } from '../urls.ts'
import { layersOf, type Placed } from './layers.ts'
import { lookOf } from './words.ts'

const [width, height, gapX, gapY] = [184, 50, 40, 14]
/** More is not drawn: a list says it better. */
const mostDrawn = 60

const x = ({ column }: Placed) => column * (width + gapX) + 1
const y = ({ row }: Placed) => row * (height + gapY) + 1

interface Props {
  readonly tasks: readonly Task[]
  /** The task that the page is about. */
  readonly current?: string
  readonly label: string
}

/** The tasks of a graph with what depends on what; a phone shows the list below it instead. */
export const TaskGraph = ({ tasks, current, label }: Props) => {
  if (tasks.length > mostDrawn) return <p class="calm">{tasks.length} tasks: too many to draw.</p>
  const placed = layersOf(tasks)
  const byId = new Map(placed.map(each => [each.task.id, each]))
  const across = Math.max(0, ...placed.map(each => x(each) + width)) + 1
  const down = Math.max(0, ...placed.map(each => y(each) + height)) + 1
  const edges = placed.flatMap(to => to.task.dependsOn.flatMap(id => byId.get(id) ?? []).map(from => curve(from, to)))
  return (
    <div class="graph" tabindex={0}>
      <svg width={across} height={down} viewBox={`0 0 ${across} ${down}`} role="img" aria-label={label}>
        <path class="edge" d={edges.join('')} />
        {placed.map(each => (
          <Node placed={each} current={each.task.id === current} />
        ))}
      </svg>
    </div>
  )
}

function curve(from: Placed, to: Placed): string {
  const [startX, startY, endX, endY] = [x(from) + width, y(from) + height / 2, x(to), y(to) + height / 2]
  const middle = (startX + endX) / 2
  return `M${startX} ${startY}C${middle} ${startY} ${middle} ${endY} ${endX} ${endY}`
}

const Node = ({ placed, current }: { readonly placed: Placed; readonly current: boolean }) => {
  const { task } = placed
  const { state, word } = lookOf(task)
  return (
    <a href={urls.task.to(task.id)} {...(current ? { 'aria-current': 'page' } : {})}>
      <g class={`node s-${state}`} transform={`translate(${x(placed)} ${y(placed)})`}>
        <title>{`${task.name}: ${word}`}</title>
        <rect width={width} height={height} rx="3" />
        <rect class="bar" width="4" height={height} />
        <foreignObject x="12" y="4" width={width - 20} height={height - 8}>
          <p>
            <b>{task.name}</b>
            <small>{`${task.agent} · ${word}`}</small>
          </p>
        </foreignObject>
      </g>
    </a>
  )
}
