import { createHash } from 'node:crypto'
import type { Task } from './task.ts'

/** A task that is ready for its agent. */
export interface Announcement {
  /** A UUID, the same however often this is announced: the id of the message that carries it. */
  readonly id: string
  readonly task: Task
}

/** What whoever asked for a graph is told. */
export interface News {
  /** A UUID, the same however often this is told. */
  readonly id: string
  /** The whole graph has ended; one task failed for good while others go on; one waits for a budget. */
  readonly kind: 'ended' | 'failed' | 'held'
  readonly graph: string
  readonly by: string
  /** The conversation that asked for it. */
  readonly thread: string | undefined
  /** The message whose work it came from. */
  readonly origin: string | undefined
  /** The one that failed or waits; undefined when the graph has ended. */
  readonly task: Task | undefined
  /** All of the graph, oldest first. */
  readonly tasks: readonly Task[]
}

/** A UUID made of what is told, so that telling it again is seen as the same. */
export function idOf(...parts: readonly (string | number)[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  const variant = ((Number.parseInt(hash.slice(16, 18), 16) & 0x3f) | 0x80).toString(16)
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-${variant}${hash.slice(18, 20)}-${hash.slice(20, 32)}`
}
