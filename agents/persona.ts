import type { Briefing } from '../runtime/bus/protocol.ts'
import type { ClaudeCredential } from './claude/claude.ts'
import type { Model } from './model.ts'
import { systemPrompt } from './prompt.ts'
import type { UserTools } from './sdk/user-tools.ts'
import { type Toolbox, toolboxOf } from './toolbox.ts'
import { loadTools } from './tools/load.ts'
import type { Persona } from './work/desk.ts'

/** What the agent is, after the briefing of the moment; its tools are loaded with the first work. */
export function createPersonas(
  briefing: () => Briefing,
  model: (credential: ClaudeCredential) => Model,
  userTools: (taken: ReadonlySet<string>) => Promise<UserTools>,
): () => Promise<Persona> {
  let known: { readonly key: string; readonly toolbox: Toolbox; readonly prompts: readonly string[] } | undefined
  const load = async ({ name, policy }: Briefing, key: string) => {
    const own = await loadTools(name, policy)
    const users = await userTools(new Set(own.map(tool => tool.name)))
    return { key, toolbox: await toolboxOf([...own, ...users.tools]), prompts: users.prompts }
  }
  return async () => {
    const now = briefing()
    const key = JSON.stringify([now.policy, now.tools])
    if (known?.key !== key) known = await load(now, key)
    return {
      model: model(now.claude),
      request: { model: now.model, maxTokens: now.maxTokens, system: [systemPrompt(now), ...known.prompts].join('\n\n') },
      toolbox: known.toolbox,
    }
  }
}
