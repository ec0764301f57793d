import type { TaskState } from '../../../runtime/tasks/task.ts'
import { activeStates } from './words.ts'

export const shows = ['all', 'active', 'blocked', 'completed', 'failed', 'cancelled'] as const

export interface Filter {
  readonly show: (typeof shows)[number]
  /** Empty: everybody's. */
  readonly agent: string
}

export function filterOf(asked: URLSearchParams): Filter {
  const show = shows.find(word => word === asked.get('show')) ?? 'all'
  return { show, agent: (asked.get('agent') ?? '').slice(0, 100) }
}

export function statesOf({ show }: Filter): readonly TaskState[] | undefined {
  if (show === 'all') return undefined
  return show === 'active' ? activeStates : [show]
}

/** The address with the filter, where it filters. */
export function withFilter(address: string, { show, agent }: Filter): string {
  const asked = new URLSearchParams({ ...(show === 'all' ? {} : { show }), ...(agent === '' ? {} : { agent }) })
  return asked.size === 0 ? address : `${address}${address.includes('?') ? '&' : '?'}${asked}`
}
