import { explain } from '../../runtime/os/errors.ts'
import type { ActionResult } from '../../runtime/policy/action.ts'
import { invalidJson } from '../model.ts'
import type { Tool, ToolContext, ToolResult } from '../tools/tool.ts'
import type { CallDeps, CallOutcome } from './call.ts'
import { interrupted, settle } from './deciding.ts'
import type { ToolCall } from './entries.ts'
import { wrapContent } from './material.ts'
import { boundContent, firstLine, textsOf } from './results.ts'
import { createVerbs } from './verbs.ts'

/** One call of a tool from the model's words to its result: checked, decided, made, written down. Throws only when aborted. */
export async function makeCall(deps: CallDeps, call: ToolCall): Promise<CallOutcome> {
  const tool = deps.tools.get(call.tool)
  if (tool === undefined) {
    const names = [...deps.tools.keys()].join(', ')
    return problem(`There is no tool ${JSON.stringify(call.tool)}. ${names === '' ? 'You have none.' : `There are: ${names}.`}`)
  }
  const parsed = parse(tool, call.input)
  if ('misfit' in parsed) return parsed
  const { work, lifecycle, context } = deps
  const told = { work: work.id, call: call.id, tool: call.tool, input: parsed.input }
  const before = await lifecycle.reach('PreToolUse', told, context.signal)
  if (before.block !== undefined) return { ...problem(`This call was blocked: ${before.block}`), outcome: 'denied' }
  const changed = 'input' in before ? parse(tool, before.input) : parsed
  if ('misfit' in changed) return { ...changed, misfit: false }
  return await shown(deps, tool, call, changed.input)
}

const problem = (content: string): CallOutcome => ({ outcome: 'failed', content, summary: firstLine(content) })

type Parsed = { readonly input: unknown } | (CallOutcome & { readonly misfit: boolean })

function parse(tool: Tool, input: unknown): Parsed {
  if (typeof input === 'object' && input !== null && invalidJson in input) {
    return {
      ...problem(`The input of ${tool.name} was no JSON object, or was cut off at the limit of an answer. Write it again.`),
      misfit: true,
    }
  }
  const parsed = tool.input.safeParse(input)
  if (parsed.success) return { input: parsed.data }
  const issues = parsed.error.issues.map(({ path, message }) => `- ${path.length === 0 ? 'input' : path.join('.')}: ${message}`)
  return { ...problem(`The input does not fit ${tool.name}:\n${issues.slice(0, 20).join('\n')}`), misfit: true }
}

/** The call with everything that a person sees of it. */
async function shown(deps: CallDeps, tool: Tool, call: ToolCall, input: unknown): Promise<CallOutcome> {
  const started = deps.now()
  const title = titleOf(tool, input)
  deps.tell({ type: 'tool-started', call: call.id, tool: tool.name, title })
  const end = (outcome: CallOutcome): CallOutcome => {
    const { summary } = outcome
    deps.tell({
      ...{ type: 'tool-ended', call: call.id, outcome: outcome.outcome, summary },
      milliseconds: Math.round(deps.now() - started),
    })
    return outcome
  }
  try {
    return end(await decided(deps, tool, call, title, input))
  } catch (error) {
    deps.context.signal.throwIfAborted()
    return end(problem(explain(error)))
  }
}

function titleOf(tool: Tool, input: unknown): string {
  try {
    return tool.title(input) || tool.name
  } catch {
    return tool.name
  }
}

async function decided(deps: CallDeps, tool: Tool, call: ToolCall, title: string, input: unknown): Promise<CallOutcome> {
  const verbs = createVerbs(deps, call)
  const listening = listeningRun(deps.context.run)
  const context: ToolContext = {
    ...deps.context,
    run: listening.run,
    output: outputOf(deps, call.id),
    verb: verbs.ask,
  }
  const missing = await tool.unavailable?.(context)
  if (missing !== undefined) return problem(`${tool.name} cannot be used here: ${missing}`)
  const needs = await tool.needs(input, context)
  const always = tool.requiresApproval === true
  if (needs.length === 0 && !always) {
    const outcome = await made(deps, tool, call, input, context, listening.heard)
    return verbs.denied() ? { ...outcome, outcome: 'denied' } : outcome
  }
  const { id: work, attempt } = deps.work
  const request = { work, attempt, call: call.id, tool: tool.name, title, needs, ...(always ? { requiresApproval: true } : {}) }
  const verdict = await settle(deps, request)
  if (verdict.verdict === 'deny') return { ...problem(`Not allowed: ${verdict.reason}`), outcome: 'denied' }
  if (verdict.verdict === 'unknown') return problem(interrupted(verdict.at))
  if (verdict.verdict === 'done') return remembered(verdict.result)
  const outcome = await made(deps, tool, call, input, context, listening.heard)
  await deps.door.confirm(verdict.action, {
    outcome: outcome.outcome === 'done' ? 'done' : 'failed',
    content: textsOf(outcome.content),
    ...(outcome.tainted === undefined ? {} : { tainted: outcome.tainted.slice(0, 2_000) }),
  })
  return outcome
}

/** Commands of one call, and the hosts that they connected to: what they give was written there. */
function listeningRun(run: ToolContext['run']): { readonly run: ToolContext['run']; readonly heard: () => string | undefined } {
  const hosts = new Set<string>()
  return {
    async run(command) {
      const result = await run(command)
      for (const host of result.reached) hosts.add(host)
      return result
    },
    heard: () => (hosts.size === 0 ? undefined : [...hosts].slice(0, 10).join(', ')),
  }
}

/** Characters of one call's output that are told as they come; what follows stands in its result. */
const longestOutput = 500_000

function outputOf({ tell }: Pick<CallDeps, 'tell'>, call: string): ToolContext['output'] {
  let left = longestOutput
  return words => {
    const text = words.slice(0, left)
    left -= text.length
    if (text !== '') tell({ type: 'tool-output', call, text })
  }
}

const remembered = ({ outcome, content }: ActionResult): CallOutcome => ({ outcome, content, summary: firstLine(content) })

/** Executes, and makes of the result what the model is told. A failure is a result, too. */
async function made(
  deps: CallDeps,
  tool: Tool,
  call: ToolCall,
  input: unknown,
  context: ToolContext,
  heard: () => string | undefined,
): Promise<CallOutcome> {
  const result = await executed(tool, input, context)
  context.signal.throwIfAborted()
  const tainted = result.tainted ?? heard()
  if (tainted !== undefined) deps.tell({ type: 'tainted', source: tainted })
  const bounded = await boundContent(result.content, call.id, deps.keep)
  const content = tainted === undefined ? bounded : wrapContent(bounded, tainted, deps.nonce)
  const { block, context: more } = await deps.lifecycle.reach(
    'PostToolUse',
    { work: deps.work.id, call: call.id, tool: tool.name, input, result },
    context.signal,
  )
  const remarks = [block, more].filter(words => words !== undefined)
  return {
    outcome: result.outcome ?? 'done',
    content: notEmpty(withRemarks(content, remarks)),
    ...(tainted === undefined ? {} : { tainted }),
    summary: firstLine(result.summary ?? textsOf(result.content)),
  }
}

async function executed(tool: Tool, input: unknown, context: ToolContext): Promise<ToolResult> {
  try {
    return await tool.execute(input, context)
  } catch (error) {
    context.signal.throwIfAborted()
    return { content: explain(error), outcome: 'failed' }
  }
}

function withRemarks(content: CallOutcome['content'], remarks: readonly string[]): CallOutcome['content'] {
  if (remarks.length === 0) return content
  const words = remarks.join('\n\n')
  return typeof content === 'string' ? `${content}\n\n${words}` : [...content, { type: 'text', text: words }]
}

const notEmpty = (content: CallOutcome['content']): CallOutcome['content'] =>
  (typeof content === 'string' ? content.trim() === '' : content.length === 0) ? '(no output)' : content
