import { join } from 'node:path'
import { z } from 'zod'
import { spawn } from '../../runtime/os/spawn.ts'
import { cutText, type Readable } from './readable.ts'

const program = join(import.meta.dir, 'readable-process.ts')
const shape = z.object({ title: z.string(), text: z.string() })
/** Milliseconds; a page can be made so that its parser never ends. */
const usual = 10_000

/**
 * The readable text of a page, found in a process of its own that ends with its time: the agent goes on meanwhile, and its
 * memory stays small. Where that fails, the words between the tags.
 */
export async function readApart(html: string, url: string, signal: AbortSignal, patience = usual): Promise<Readable> {
  const argv = [process.execPath, '--no-env-file', '--config=/dev/null', program]
  try {
    const { code, stdout } = await spawn(argv, { stdin: JSON.stringify({ html, url }), timeout: patience, cwd: '/', signal })
    if (code === 0) return shape.parse(JSON.parse(stdout))
  } catch {
    signal.throwIfAborted()
  }
  return { title: '', text: cutText(wordsOf(html)) }
}

/** One look at each character, whatever the page is. */
function wordsOf(html: string): string {
  const parts: string[] = []
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    if (open === -1) break
    parts.push(html.slice(at, open))
    const close = html.indexOf('>', open)
    if (close === -1) return parts.join(' ').replace(/\s+/g, ' ').trim()
    at = close + 1
  }
  parts.push(html.slice(at))
  return parts.join(' ').replace(/\s+/g, ' ').trim()
}
