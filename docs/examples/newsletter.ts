// agents/research/tools/newsletter.ts: several tools that belong together, and what the agent has to know of them.
import { defineAgent, defineTool, z } from 'ai-infra'

const draft = defineTool({
  name: 'newsletter_draft',
  description: 'Writes the draft of an issue of the newsletter as Markdown.',
  input: z.object({ title: z.string().min(1), items: z.array(z.string()).min(1).max(20) }),
  async execute({ title, items }, { folder }) {
    const path = `${folder}/newsletter.md`
    await Bun.write(path, `# ${title}\n\n${items.map(item => `- ${item}`).join('\n')}\n`)
    return `The draft is in ${path}.`
  },
})

const send = defineTool({
  name: 'newsletter_send',
  description: 'Sends the draft to everybody on the list.',
  input: z.object({ list: z.enum(['customers', 'friends']) }),
  // A person sees the call and its input before it is made.
  requiresApproval: true,
  async execute({ list }, { folder }) {
    const body = await Bun.file(`${folder}/newsletter.md`).text()
    const response = await fetch(`https://lists.example.com/${list}`, { method: 'POST', body })
    if (!response.ok) throw new Error(`the list answered ${response.status}`)
    return 'sent'
  },
})

export default defineAgent({
  name: 'newsletter',
  description: 'Writes and sends the newsletter.',
  prompt: 'You also write the newsletter: draft it first, show the draft, and send it only when you are asked to.',
  tools: [draft, send],
})
