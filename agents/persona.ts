import type { Briefing } from '../runtime/bus/protocol.ts'
import type { ClaudeCredential } from './claude/claude.ts'
import type { Model } from './model.ts'
import { systemPrompt } from './prompt.ts'
import { type Toolbox, toolboxOf } from './toolbox.ts'
import { loadTools } from './tools/load.ts'
import type { Persona } from './work/desk.ts'

/** What the agent is, after the briefing of the moment; its tools are loaded with the first work. */
export function createPersonas(briefing: () => Briefing, model: (credential: ClaudeCredential) => Model): () => Promise<Persona> {
  let known: { readonly key: string; readonly toolbox: Toolbox } | undefined
  return async () => {
    const now = briefing()
    const key = JSON.stringify(now.policy)
    if (known?.key !== key) known = { key, toolbox: await toolboxOf(await loadTools(now.name, now.policy)) }
    return {
      model: model(now.claude),
      request: { model: now.model, maxTokens: now.maxTokens, system: systemPrompt(now) },
      toolbox: known.toolbox,
    }
  }
}
