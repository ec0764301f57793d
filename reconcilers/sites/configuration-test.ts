import { nginxTestCommand } from '../../runtime/services/nginx-command.ts'
import { generationConfiguration } from './generation.ts'
import type { SiteIndex } from './render-main.ts'
import type { World } from './world.ts'

/** What nginx thinks of a configuration. */
export type Verdict =
  | { readonly ok: true }
  /** `host`: the site that nginx names, when it names one. */
  | { readonly ok: false; readonly words: string; readonly host: string | undefined }

export async function testGeneration(world: World, number: number, index: SiteIndex, signal: AbortSignal): Promise<Verdict> {
  const argv = nginxTestCommand(world.home, generationConfiguration(world.layout, number), world.nginxProgram)
  const { code, stdout, stderr } = await world.spawn(argv, { timeout: 120_000, signal })
  return readVerdict(code, stderr || stdout, index)
}

/** Pure: finds the site in `… in /home/nginx/…/sites/FILE:12` or in the path of a certificate. */
export function readVerdict(code: number, output: string, index: SiteIndex): Verdict {
  if (code === 0) return { ok: true }
  const lines = output.split('\n').filter(line => /\[(?:emerg|alert|crit)\]/.test(line))
  const words = (lines[0] ?? output.trim()).replace(/^.*?\[\w+\] (?:\d+#\d+: )?/, '') || `it ended with status ${code}`
  const file = /\/sites\/([^/:"]+\.conf)(?::\d+|" failed)/.exec(words)?.[1]
  const certificate = /\/certificates\/([^/]+)\//.exec(words)?.[1]
  const byFile = file === undefined ? undefined : [...index].find(([, name]) => name === file)?.[0]
  return {
    ok: false,
    words: words.replace(/\S*\/sites\//, ''),
    host: byFile ?? (certificate !== undefined && index.has(certificate) ? certificate : undefined),
  }
}
