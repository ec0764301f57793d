import { z } from 'zod'
import type { Entry, Work, WorkEnding, WorkEvent } from '../../../runtime/bus/work.ts'
import { parseWorkReport } from '../../../runtime/bus/work-protocol.ts'
import { createBreaker } from '../../../runtime/os/breaker.ts'
import type { ActionRequest, ActionResult, Verdict } from '../../../runtime/policy/action.ts'
import { claude } from '../../claude/claude.ts'
import { createLifecycle, type Lifecycle } from '../../lifecycle.ts'
import type { Model } from '../../model.ts'
import { type ModelServer, type Script, startModelServer } from '../../testing/model-server.ts'
import { toolboxOf } from '../../toolbox.ts'
import type { Tool, ToolResult } from '../../tools/tool.ts'
import type { WorkDeps, WorkLimits } from '../desk.ts'
import { startWork } from '../run-work.ts'

/** A work on a scripted model over HTTP, with a runtime in memory that keeps what a real one would. */
export interface WorkBench extends AsyncDisposable {
  readonly model: ModelServer
  readonly lifecycle: Lifecycle
  /** All events of all attempts, in order. */
  readonly events: WorkEvent[]
  /** What the clock was asked to sleep, in milliseconds, without the pauses of reports. */
  readonly slept: number[]
  readonly asked: ActionRequest[]
  readonly confirmed: ActionResult[]
  readonly kept: Map<string, string>
  transcript(): readonly Entry[]
  /** What the runtime says to each request for an action; default: allowed, and remembered. */
  decide(by: (request: ActionRequest) => Verdict | undefined): void
  /** Lets the waiting approval pass. */
  approve(): void
  /** From now on nothing of the work counts. */
  settle(reason: string): void
  run(change?: Partial<Work>, options?: { readonly model?: Model }): Promise<WorkEnding | undefined>
  /** Every request to the model as it went out. */
  bodies(): readonly string[]
}

interface Options {
  readonly script: Script
  readonly tools?: readonly Tool[]
  readonly limits?: Partial<WorkLimits>
  readonly stallMs?: number
}

export const workId = '11111111-1111-4111-8111-111111111111'

export async function workBench({ script, tools = [], limits, stallMs }: Options): Promise<WorkBench> {
  const model = startModelServer()
  model.script({ code: script })
  const toolbox = await toolboxOf(tools)
  const lifecycle = createLifecycle()
  const events: WorkEvent[] = []
  const slept: number[] = []
  const asked: ActionRequest[] = []
  const confirmed: ActionResult[] = []
  const kept = new Map<string, string>()
  const ledger = new Map<string, ActionResult | 'dispatched'>()
  let transcript: readonly Entry[] = []
  let settled: string | undefined
  let decide: (request: ActionRequest) => Verdict | undefined = () => undefined
  let approved = Promise.withResolvers<void>()
  let attempt = 0
  let now = Date.parse('2026-03-01T08:00:00Z')

  const keep = async (name: string, text: string) => {
    kept.set(name, text)
    return `/w/temp/${name}`
  }
  const take = (event: WorkEvent) => {
    events.push(event)
    if (event.type === 'entry') transcript = [...transcript, event.entry]
    if (event.type === 'compacted') transcript = event.entries
  }
  const clock = {
    now: () => new Date(now),
    async sleep(milliseconds: number) {
      await Bun.sleep(1)
      if (milliseconds <= 25) return
      slept.push(milliseconds)
      now += milliseconds
    },
  }
  const credential = { apiKey: 'k', baseUrl: model.url }
  const deps = (by: Model | undefined): WorkDeps => {
    let taken = 0
    return {
      ...{ agent: 'code', lifecycle, clock, sessions: new Set(), show: () => {} },
      persona: async () => ({
        model: by ?? claude(credential, stallMs === undefined ? {} : { stallMs }),
        request: { model: 'claude-test', maxTokens: 1_000, system: 'You are the agent "code".' },
        toolbox,
      }),
      async workplace() {
        const run = async () => ({ code: 0, stdout: '', stderr: '', notes: [], reached: [], milliseconds: 1 })
        return {
          workspace: '/w',
          folder: '/w/working/t',
          run,
          keep,
        }
      },
      async report(_work, report) {
        const { from, events: told } = parseWorkReport(JSON.parse(JSON.stringify(report)))
        if (settled !== undefined) return { outcome: 'settled', reason: settled }
        for (const event of told.slice(Math.max(taken - from, 0))) take(event)
        taken = Math.max(taken, from + told.length)
        return { outcome: 'recorded' }
      },
      door: {
        async decide(request) {
          asked.push(request)
          const verdict = decide(request)
          if (verdict !== undefined) return verdict
          const known = ledger.get(request.call)
          if (known === 'dispatched') return { verdict: 'unknown', at: 'then' }
          if (known !== undefined) return { verdict: 'done', result: known }
          ledger.set(request.call, 'dispatched')
          return { verdict: 'allow', action: request.call }
        },
        async confirm(action, result) {
          ledger.set(action, result)
          confirmed.push(result)
        },
        async decided(_approval, signal) {
          const { promise, resolve } = Promise.withResolvers<void>()
          signal.addEventListener('abort', () => resolve())
          await Promise.race([approved.promise, promise])
        },
        verb: async verb => ({ verdict: 'done', result: { verb } }),
      },
      breaker: createBreaker({ name: 'Claude', clock }),
      random: () => 0,
      nonce: () => 'f00d',
      ...(limits === undefined ? {} : { limits }),
    }
  }
  return {
    ...{ model, lifecycle, events, slept, asked, confirmed, kept },
    transcript: () => transcript,
    decide(by) {
      decide = by
    },
    approve() {
      approved.resolve()
      approved = Promise.withResolvers<void>()
    },
    settle(reason) {
      settled = reason
    },
    run(change = {}, options = {}) {
      attempt += 1
      const begun = transcript.length > 0
      const work: Work = {
        ...{ id: workId, kind: 'question', attempt, thread: 't', by: 'person:ada', text: 'Hello?', attachments: [] },
        ...{ task: undefined, transcript, begun, tainted: false, ...change },
      }
      const running = startWork(deps(options.model), work)
      return running.ended
    },
    bodies: () => model.calls.map(call => call.body),
    [Symbol.asyncDispose]: () => model.stop(),
  }
}

/** A tool that does what the test says; it needs to read `/x`, so that it is decided on. */
export function toolOf(
  name: string,
  execute: (input: { readonly x: string }) => ToolResult | Promise<ToolResult>,
): Tool<{ x: string }> {
  return {
    name,
    description: `Does ${name}.`,
    input: z.strictObject({ x: z.string() }),
    title: ({ x }) => `${name} ${x}`,
    needs: () => [{ kind: 'read', path: '/x' }],
    execute: async input => execute(input),
  }
}
