import type { AgentDeclaration, Mistake, ToolFile } from './state.ts'
import { didYouMean } from './suggest.ts'
import type { TreeEntry } from './tree.ts'
import { readText } from './yaml.ts'

/** Files of one agent, and their bytes together. */
const mostFiles = 20
const mostBytes = 256 * 1024

const place = /^agents\/([^/]+)\/tools\/([^/]+\.ts)$/

/** The tools that users wrote, by agent. Nothing of them is run here, or looked into. */
export function readTools(entries: readonly TreeEntry[], mistakes: Mistake[]): ReadonlyMap<string, readonly ToolFile[]> {
  const found = new Map<string, ToolFile[]>()
  for (const { path, mode, bytes } of entries) {
    const [, agent = '', name = ''] = place.exec(path) ?? []
    if (agent === '' || bytes === undefined || !mode.startsWith('100')) continue
    if (!/^[a-z][a-z0-9-]{0,60}\.ts$/.test(name)) {
      mistakes.push(whole(path, 'a tool is a file with a name in lower case, like convert-image.ts: rename it'))
      continue
    }
    const read = readText(path, bytes)
    if ('mistake' in read) mistakes.push(read.mistake)
    else found.set(agent, [...(found.get(agent) ?? []), { name, text: read.text }])
  }
  for (const [agent, files] of found) {
    const size = files.reduce((sum, file) => sum + Buffer.byteLength(file.text), 0)
    const folder = `agents/${agent}/tools`
    if (files.length > mostFiles) mistakes.push(whole(folder, `${files.length} tools are too many, ${mostFiles} are allowed`))
    if (size > mostBytes) mistakes.push(whole(folder, `these tools have ${size} bytes together, and may have ${mostBytes}`))
  }
  return found
}

/** The agents with their tools; tools of an agent that nobody declared are a mistake. */
export function withTools(
  agents: ReadonlyMap<string, AgentDeclaration>,
  tools: ReadonlyMap<string, readonly ToolFile[]>,
  mistakes: Mistake[],
): ReadonlyMap<string, AgentDeclaration> {
  // Where agents.yaml has mistakes, who is missing here may be declared there.
  const strangers = mistakes.length > 0 ? [] : [...tools.keys()].filter(name => !agents.has(name))
  for (const name of strangers) {
    const near = didYouMean(name, [...agents.keys()]) || ': declare it in agents.yaml, or remove its folder'
    mistakes.push(whole(`agents/${name}/tools`, `there is no agent ${name}${near}`))
  }
  const of = (name: string) => (tools.get(name) ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return new Map([...agents].map(([name, agent]) => [name, { ...agent, tools: of(name) }]))
}

const whole = (file: string, message: string): Mistake => ({ file, line: 1, column: 1, message })
