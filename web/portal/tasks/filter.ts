import type { TaskState } from '../../../runtime/tasks/task.ts'
import { activeStates } from './words.ts'

export const shows = ['all', 'active', 'blocked', 'completed', 'failed', 'cancelled'] as const

export const listedAtFirst = 100
export const mostListed = 2_000

export interface Filter {
  readonly show: (typeof shows)[number]
  /** Empty: everybody's. */
  readonly agent: string
  /** So many are listed. */
  readonly most: number
}

export function filterOf(asked: URLSearchParams): Filter {
  const show = shows.find(word => word === asked.get('show')) ?? 'all'
  const most = Number(asked.get('most') ?? listedAtFirst)
  return {
    show,
    agent: (asked.get('agent') ?? '').slice(0, 100),
    most: Number.isSafeInteger(most) ? Math.min(Math.max(most, listedAtFirst), mostListed) : listedAtFirst,
  }
}

export function statesOf({ show }: Filter): readonly TaskState[] | undefined {
  if (show === 'all') return undefined
  return show === 'active' ? activeStates : [show]
}

/** The address with the filter, where it filters. */
export function withFilter(address: string, { show, agent, most }: Filter): string {
  const asked = new URLSearchParams({
    ...(show === 'all' ? {} : { show }),
    ...(agent === '' ? {} : { agent }),
    ...(most === listedAtFirst ? {} : { most: String(most) }),
  })
  return asked.size === 0 ? address : `${address}${address.includes('?') ? '&' : '?'}${asked}`
}
