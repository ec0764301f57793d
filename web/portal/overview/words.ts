import type { Hold, ResourceState, ResourceStatus, Status } from '../../../reconcilers/engine/status.ts'
import { short } from '../components/time.tsx'

export interface Headline {
  /** The state whose colour the words have; undefined for plain ink. */
  readonly tone: ResourceState | undefined
  readonly title: string
  readonly detail: string
}

/** The states in the order in which they want somebody's attention. */
export const statesByUrgency: readonly ResourceState[] = [
  'failed',
  'stalled',
  'held',
  'waiting',
  'reconciling',
  'suspended',
  'ready',
]

export function countStates(resources: readonly ResourceStatus[]): ReadonlyMap<ResourceState, number> {
  const counts = new Map<ResourceState, number>()
  for (const { state } of resources) counts.set(state, (counts.get(state) ?? 0) + 1)
  return counts
}

/** Says in words whether the server is as its repository declares, and if not, what stands in the way. */
export function headline(status: Status, holds: readonly Hold[]): Headline {
  const counts = countStates(status.resources)
  const of = (state: ResourceState) => counts.get(state) ?? 0
  const total = status.resources.length
  if (status.desired === '') {
    return {
      tone: undefined,
      title: 'Nothing is declared yet.',
      detail: 'The first push to main says what this server should be.',
    }
  }
  if (holds.length > 0) {
    return {
      tone: 'held',
      title: 'One plan waits for your approval.',
      detail: 'Until then everything it touches stays as it was.',
    }
  }
  if (of('failed') + of('stalled') > 0) {
    const broken = of('failed') + of('stalled')
    return {
      tone: 'failed',
      title: `${broken} of ${total} ${broken === 1 ? 'is' : 'are'} not as declared.`,
      detail: trouble(of('failed'), of('stalled')),
    }
  }
  if (status.converged) {
    const suspended = of('suspended')
    return {
      tone: undefined,
      title: 'The server is as declared.',
      detail: suspended === 0 ? sentence(total) : `${sentence(total - suspended)} ${suspended} suspended.`,
    }
  }
  if (of('waiting') > 0 && of('reconciling') === 0) {
    return {
      tone: 'waiting',
      title: `${of('waiting')} of ${total} ${of('waiting') === 1 ? 'is' : 'are'} waiting.`,
      detail: 'Each goes on by itself once what it waits for is there.',
    }
  }
  return {
    tone: undefined,
    title:
      status.revision === status.desired ? 'The server is being put right.' : `The server is moving to ${short(status.desired)}.`,
    detail: `${of('ready')} of ${total} verified.`,
  }
}

const sentence = (ready: number) => (ready === 1 ? 'One resource, verified.' : `All ${ready} resources verified.`)

function trouble(failed: number, stalled: number): string {
  const parts = [
    failed > 0 ? `${failed} failed and ${failed === 1 ? 'is' : 'are'} tried again.` : '',
    stalled > 0 ? `${stalled} stalled: ${stalled === 1 ? 'it needs' : 'they need'} you.` : '',
  ]
  return parts.filter(Boolean).join(' ')
}
