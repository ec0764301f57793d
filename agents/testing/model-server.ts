import { faultOf, type ModelCall, readModelCall } from './model-request.ts'
import { streamOf } from './model-stream.ts'
import { problem, type Step, say } from './steps.ts'

export type { ModelCall } from './model-request.ts'

/** What an agent's model does, turn by turn: a list that is used up, or a function of each request. */
export type Script = readonly (Step | ((call: ModelCall) => Step))[] | ((call: ModelCall) => Step)

export interface ModelServer {
  readonly url: string
  /** Every request that was answered or refused by the script, oldest first. */
  readonly calls: readonly ModelCall[]
  /** What the model does for each agent from now on; a list is used up turn by turn. */
  script(scripts: Readonly<Record<string, Script>>): void
  /** Decides the answers to all agents that have no script, from now on. Default: it repeats what was said. */
  reply(by: (call: ModelCall) => Step): void
  /** Turns that are scripted and were not taken yet. */
  left(agent: string): number
  /** Requests that came after a list had ended, with what was said last; each was refused. */
  readonly overrun: readonly string[]
  stop(): Promise<void>
}

/**
 * A small Messages API that says what the test decides: the streaming protocol as the real one speaks it, with its refusals
 * of requests that are not in order. A script that has ended answers 400, so that a test sees a turn too many.
 */
export function startModelServer(): ModelServer {
  const calls: ModelCall[] = []
  const overrun: string[] = []
  const scripts = new Map<string, { readonly script: Script; place: number }>()
  let decide: (call: ModelCall) => Step = call => say('You said: ', call.messages.at(-1)?.content ?? '')
  let made = 0

  const stepFor = (call: ModelCall): Step => {
    const running = scripts.get(call.agent)
    if (running === undefined) return decide(call)
    if (typeof running.script === 'function') return running.script(call)
    const step = running.script[running.place++]
    if (step === undefined) {
      const last = call.messages.at(-1)?.content.slice(0, 300) ?? ''
      overrun.push(
        `the script of ${call.agent} has ended after ${running.script.length} turns, and it was asked once more: ${last}`,
      )
      return problem(400, 'invalid_request_error', `the script of ${call.agent} has ended`)
    }
    return typeof step === 'function' ? step(call) : step
  }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    async fetch(request) {
      if (request.method !== 'POST' || new URL(request.url).pathname !== '/v1/messages') {
        return refusal(problem(404, 'not_found_error', 'no such path'))
      }
      const body = await request.text()
      const fault = faultOf(body)
      if (fault !== undefined) return refusal(problem(400, 'invalid_request_error', fault))
      const call = readModelCall(body, keyOf(request))
      const usage = usageOf(
        call,
        calls.findLast(other => other.agent === call.agent),
      )
      calls.push(call)
      const step = stepFor(call)
      if (step.type === 'error') return refusal(step)
      const input = step.inputTokens === undefined ? usage : { input: step.inputTokens, cacheRead: 0, cacheWrite: 0 }
      const facts = { model: call.model, callId: () => `toolu_${++made}`, usage: input }
      return new Response(streamOf(step, facts, request.signal), {
        headers: { 'content-type': 'text/event-stream', 'request-id': 'req_test' },
      })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    calls,
    overrun,
    script(given) {
      overrun.length = 0

      for (const [agent, script] of Object.entries(given)) scripts.set(agent, { script, place: 0 })
    },
    reply(by) {
      decide = by
    },
    left(agent) {
      const running = scripts.get(agent)
      return running === undefined || typeof running.script === 'function' ? 0 : running.script.length - running.place
    },
    stop: () => server.stop(true),
  }
}

const keyOf = (request: Request) =>
  request.headers.get('x-api-key') ?? (request.headers.get('authorization') ?? '').replace(/^Bearer /, '')

function refusal(step: Step): Response {
  if (step.type !== 'error') throw new Error('only an error can be refused')
  const { status, error, message, retryAfter } = step
  return Response.json(
    { type: 'error', error: { type: error, message }, request_id: 'req_test' },
    { status, headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) } },
  )
}

/** Four characters are a token; what the request shares with the agent's last one comes from the cache. */
function usageOf(call: ModelCall, before: ModelCall | undefined) {
  const shared = before === undefined ? 0 : sharedLength(call.body, before.body)
  return { input: 1, cacheRead: Math.floor(shared / 4), cacheWrite: Math.ceil((call.body.length - shared) / 4) }
}

function sharedLength(one: string, other: string): number {
  let length = 0
  while (length < one.length && one[length] === other[length]) length++
  return length
}
