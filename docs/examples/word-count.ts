// agents/code/tools/word-count.ts in the desired-state repository: one tool in one file.
import { defineTool, z } from 'ai-infra'

export default defineTool({
  name: 'word_count',
  description: 'Counts the words of a text file in the workspace.',
  input: z.object({
    path: z.string().describe('Relative to the folder of the work'),
    longest: z.number().int().min(1).max(50).default(5).describe('How many of the most frequent words to list'),
  }),
  async execute({ path, longest }) {
    const words = (await Bun.file(path).text()).toLowerCase().match(/\p{L}+/gu) ?? []
    const counts = Map.groupBy(words, word => word)
    const frequent = [...counts].map(([word, found]) => ({ word, count: found.length })).sort((a, b) => b.count - a.count)
    return { words: words.length, frequent: frequent.slice(0, longest) }
  },
})
