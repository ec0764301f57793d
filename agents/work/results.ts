import type { Block } from '../../runtime/bus/work.ts'
import type { ToolResult } from '../tools/tool.ts'

/** The longest text of one result that the model is told whole, in characters; of a longer one the head and the tail. */
export const longestResult = 40_000
const shownHead = 16_000
const shownTail = 8_000
/** The largest images and documents of one result, in characters of their JSON. */
const largestBlocks = 5_000_000

/** Keeps a text in the workspace; gives the path, or undefined when it could not. */
export type KeepText = (name: string, text: string) => Promise<string | undefined>

export async function boundContent(content: ToolResult['content'], call: string, keep: KeepText): Promise<ToolResult['content']> {
  if (typeof content === 'string') return boundText(content, call, keep)
  const others = content.filter(block => block.type !== 'text')
  const size = others.reduce((sum, block) => sum + JSON.stringify(block).length, 0)
  if (size > largestBlocks) return `The result has ${size} characters of images or documents, and ${largestBlocks} are allowed.`
  const texts = await boundText(textsOf(content), call, keep)
  return others.length === 0 ? texts : [...(texts === '' ? [] : [{ type: 'text', text: texts }]), ...others]
}

async function boundText(text: string, call: string, keep: KeepText): Promise<string> {
  if (text.length <= longestResult) return text
  const path = await keep(`result-${call.replaceAll(/[^\w-]/g, '_')}.txt`, text)
  const left = text.length - shownHead - shownTail
  const where = path === undefined ? 'They could not be kept.' : `The whole text is in ${path}: read the part that you need.`
  return `${text.slice(0, shownHead)}\n\n[… ${left} of ${text.length} characters are left out here. ${where} …]\n\n${text.slice(-shownTail)}`
}

/** The words of a result, for the ledger and for people. */
export const textsOf = (content: string | readonly Block[]): string =>
  typeof content === 'string'
    ? content
    : content.map(block => (block.type === 'text' && typeof block.text === 'string' ? block.text : `[${block.type}]`)).join('\n')

/** One line for a person. */
export function firstLine(text: string): string {
  const line =
    text
      .split('\n', 5)
      .map(one => one.trim())
      .find(one => one !== '') ?? ''
  return line.length > 200 ? `${line.slice(0, 199)}…` : line
}
