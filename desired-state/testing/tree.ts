import { parseTree } from '../parse.ts'
import { type DesiredState, type ParseResult, renderMistake } from '../state.ts'
import type { TreeEntry } from '../tree.ts'

export const treeOf = (files: Readonly<Record<string, string | Uint8Array>>): readonly TreeEntry[] =>
  Object.entries(files).map(([path, content]) => ({
    path,
    mode: '100644',
    bytes: typeof content === 'string' ? new TextEncoder().encode(content) : content,
  }))

/** The mistakes of these files as a person reads them; empty when there are none. */
export function mistakesIn(files: Readonly<Record<string, string | Uint8Array>>): string[] {
  return rendered(parseTree(treeOf(files), ''))
}

export const rendered = (result: ParseResult): string[] => (result.ok ? [] : result.mistakes.map(renderMistake))

/** The state of these files, which must have no mistake. */
export function stateOf(files: Readonly<Record<string, string>>): DesiredState {
  const result = parseTree(treeOf(files), '')
  if (!result.ok) throw new Error(rendered(result).join('\n'))
  return result.state
}
