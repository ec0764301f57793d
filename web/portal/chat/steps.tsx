/** @jsxImportSource hono/jsx */
import type { ResourceState } from '../../../reconcilers/engine/status.ts'
import type { WorkStep } from '../../../runtime/bus/agents.ts'
import { visible } from '../../../runtime/policy/approvals/visible.ts'
import { StateMark } from '../components/state.tsx'
import { span } from '../components/time.tsx'

const looks: Record<WorkStep['state'], ResourceState> = {
  running: 'reconciling',
  done: 'ready',
  failed: 'failed',
  denied: 'held',
}

/** Characters of what a tool wrote that a page shows: the end of it. */
const mostOutput = 1_500

/** Steps that followed each other, folded; the line shows the one that counts just now. */
export const Steps = ({ id, steps }: { readonly id: string; readonly steps: readonly WorkStep[] }) => {
  const current = steps.findLast(({ state }) => state === 'running') ?? steps.at(-1)
  if (current === undefined) return <div id={id}></div>
  return (
    <details id={id} class="steps">
      <summary>
        <StateMark state={looks[current.state]} /> <code>{current.tool}</code> {visible(current.title)}
        {steps.length > 1 ? <small> {steps.length} steps</small> : null}
      </summary>
      <StepList steps={steps} />
    </details>
  )
}

export const StepList = ({ steps }: { readonly steps: readonly WorkStep[] }) => (
  <ol class="step-list">
    {steps.map(step => (
      <Step step={step} />
    ))}
  </ol>
)

const Step = ({ step: { tool, title, state, summary, output, milliseconds } }: { readonly step: WorkStep }) => (
  <li>
    <p>
      <span class={`s-${looks[state]}`}>{state}</span> <code>{tool}</code> {visible(title)}{' '}
      {milliseconds === undefined ? null : <small>{span(milliseconds)}</small>}
    </p>
    {summary === '' ? null : <p>{summary}</p>}
    {output === '' ? null : <pre tabindex={0}>{output.slice(-mostOutput)}</pre>}
  </li>
)
