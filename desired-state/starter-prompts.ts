import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const prompt = (name: string): [string, string] => [
  name,
  readFileSync(join(import.meta.dir, 'template', 'agents', `${name}.md`), 'utf8'),
]

/** Prompts of the starter agents, for a repository that has neither `agents.yaml` nor their files. */
export const starterPrompts: Readonly<Record<string, string>> = Object.fromEntries(
  ['supervisor', 'code', 'data', 'infra', 'research', 'qa'].map(prompt),
)
