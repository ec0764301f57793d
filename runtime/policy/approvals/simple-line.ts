import { readShell } from '../shell.ts'

/** The words of a bash line that is one simple command whose every word is known; undefined for any other. */
export async function simpleLine(script: string): Promise<readonly string[] | undefined> {
  const { commands, writes, problem } = await readShell(script)
  const [command, ...more] = commands
  if (command === undefined || more.length > 0 || writes.length > 0 || problem !== undefined) return undefined
  const words = command.words.filter(word => word !== undefined)
  return words.length === command.words.length ? words : undefined
}
