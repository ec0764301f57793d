import type { Block } from '../../runtime/bus/work.ts'

/**
 * Text of strangers, between two lines that it cannot write itself because it does not know the number in them. The system
 * prompt says that what stands between is data.
 */
export const wrapMaterial = (words: string, source: string, number: string): string =>
  `<material ${number} from ${JSON.stringify(source.slice(0, 200))}>\n${words}\n</material ${number}>`

export function wrapContent(content: string | readonly Block[], source: string, random: () => string): string | readonly Block[] {
  if (typeof content === 'string') return wrapMaterial(content, source, random())
  return content.map(block =>
    block.type === 'text' && typeof block.text === 'string'
      ? { ...block, text: wrapMaterial(block.text, source, random()) }
      : block,
  )
}
