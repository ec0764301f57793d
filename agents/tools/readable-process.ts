import { z } from 'zod'
import { readableText } from './readable.ts'

const { html, url } = z.object({ html: z.string(), url: z.string() }).parse(await Bun.stdin.json())
process.stdout.write(JSON.stringify(await readableText(html, url)))
