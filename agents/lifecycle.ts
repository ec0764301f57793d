import { explain } from '../runtime/os/errors.ts'
import type { ToolResult } from './tools/tool.ts'

/**
 * The points of an agent's life where others may look in and interfere, with the names and the meaning of Claude Code's hook
 * events. What each is told:
 */
export interface LifecyclePoints {
  /** A conversation is taken up by this process, or goes on after its beginning was replaced by a summary. */
  readonly SessionStart: { readonly thread: string; readonly source: 'startup' | 'resume' | 'compact' }
  /** Somebody said something, or a task was given; the model has not heard of it yet. */
  readonly UserPromptSubmit: { readonly work: string; readonly thread: string; readonly by: string; readonly prompt: string }
  /** The model calls a tool with an input that fits its schema; nothing is decided yet. */
  readonly PreToolUse: { readonly work: string; readonly call: string; readonly tool: string; readonly input: unknown }
  /** The tool has ended; the model has not heard of it yet. */
  readonly PostToolUse: {
    readonly work: string
    readonly call: string
    readonly tool: string
    readonly input: unknown
    readonly result: ToolResult
  }
  /** The answer to a question is complete. */
  readonly Stop: { readonly work: string; readonly text: string }
  /** A task is done. */
  readonly SubagentStop: { readonly work: string; readonly task: string; readonly text: string }
  /** The beginning of the conversation is about to be replaced by a summary. */
  readonly PreCompact: { readonly work: string; readonly trigger: 'auto' | 'too-long'; readonly entries: number }
  /** The process gives the conversation up. */
  readonly SessionEnd: { readonly thread: string; readonly reason: 'exit' }
}

export type LifecyclePoint = keyof LifecyclePoints

export interface LifecycleOutcome {
  /**
   * Why it must not go on. UserPromptSubmit: the work fails with it; PreToolUse: the call is refused; PostToolUse: the model is
   * told; Stop and SubagentStop: the model goes on working on it; PreCompact: it stays as it is. Ignored elsewhere.
   */
  readonly block?: string
  /** Text that the model is told besides. Ignored at PreToolUse and SessionEnd; at PreCompact what the summary should keep. */
  readonly context?: string
  /** PreToolUse: what the tool is called with instead; it is checked again. */
  readonly input?: unknown
}

// biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks returns nothing
type Answer = LifecycleOutcome | void | undefined

export type LifecycleHandler<Point extends LifecyclePoint> = (
  told: LifecyclePoints[Point],
  signal: AbortSignal,
) => Answer | Promise<Answer>

export interface Lifecycle {
  /** Attaches a handler, behind those that are there; gives how to take it off. */
  on<Point extends LifecyclePoint>(point: Point, handler: LifecycleHandler<Point>): () => void
  /**
   * Runs the handlers one after the other; each sees what the one before changed. The first that blocks ends it, and one
   * that throws blocks: what guards fails closed.
   */
  reach<Point extends LifecyclePoint>(point: Point, told: LifecyclePoints[Point], signal: AbortSignal): Promise<LifecycleOutcome>
}

type Handlers = { readonly [Point in LifecyclePoint]: Set<LifecycleHandler<Point>> }

export function createLifecycle(): Lifecycle {
  const handlers: Handlers = {
    SessionStart: new Set(),
    UserPromptSubmit: new Set(),
    PreToolUse: new Set(),
    PostToolUse: new Set(),
    Stop: new Set(),
    SubagentStop: new Set(),
    PreCompact: new Set(),
    SessionEnd: new Set(),
  }
  return {
    on(point, handler) {
      handlers[point].add(handler)
      return () => handlers[point].delete(handler)
    },
    async reach(point, told, signal) {
      let current = told
      let changed: Pick<LifecycleOutcome, 'input'> = {}
      const context: string[] = []
      const soFar = () => ({ ...changed, ...(context.length === 0 ? {} : { context: context.join('\n\n') }) })
      for (const handler of handlers[point]) {
        const answer = await attempt(() => handler(current, signal))
        if (answer.context !== undefined) context.push(answer.context)
        if (answer.block !== undefined) return { ...soFar(), block: answer.block }
        if (!('input' in answer) || !('input' in current)) continue
        changed = { input: answer.input }
        current = { ...current, input: answer.input }
      }
      return soFar()
    },
  }
}

async function attempt(run: () => Answer | Promise<Answer>): Promise<LifecycleOutcome> {
  try {
    return (await run()) ?? {}
  } catch (error) {
    return { block: `a hook failed: ${explain(error)}` }
  }
}
