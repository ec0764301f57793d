/** @jsxImportSource hono/jsx */
import type { ResourceState } from '../../../reconcilers/engine/status.ts'

/** Each state has a shape of its own, so that none is told by colour alone. */
const shapes: Record<ResourceState, string> = {
  ready: 'M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3z',
  reconciling: 'M8 2a6 6 0 0 1 6 6h-3a3 3 0 0 0-3-3zM8 14a6 6 0 0 1-6-6h3a3 3 0 0 0 3 3z',
  waiting: 'M3 2h10v3L9.500 8l3.500 3v3H3v-3l3.500-3L3 5z',
  held: 'M3 2h4v12H3zM9 2h4v12H9z',
  stalled: 'M2 2h12v12H2zm3 3v6h6V5z',
  failed: 'M4 2l4 4 4-4 2 2-4 4 4 4-2 2-4-4-4 4-2-2 4-4-4-4z',
  suspended: 'M2 6.500h12v3H2z',
}

export const StateMark = ({ state }: { readonly state: ResourceState }) => (
  <svg class={`shape s-${state}`} viewBox="0 0 16 16" aria-hidden="true">
    <path fill-rule="evenodd" d={shapes[state]} />
  </svg>
)

interface WordProps {
  readonly state: ResourceState
  /** Another word for it, where it is no resource that is meant. */
  readonly word?: string
}

export const StateWord = ({ state, word = state }: WordProps) => (
  <span class={`state s-${state}`}>
    <StateMark state={state} />
    <span>{word}</span>
  </span>
)
