import { type Environment, readEnvironment } from '../runtime/os/environment.ts'
import { shellWord } from './screen.ts'

/** 0 done, 1 no, 2 wrong use. */
export type ExitStatus = 0 | 1 | 2

export interface Console {
  readonly out: (line: string) => void
  readonly error: (line: string) => void
}

export interface CommandContext extends Console {
  readonly environment: Environment
  /** Folder that holds main.ts. */
  readonly program: string
  /** How the user called us: `./main.ts` or `ai-infra`. */
  readonly called: string
}

export interface Command {
  readonly name: string
  /** What follows the name: `KIND/KEY --for D --reason R`; a line for each way to call it. */
  readonly usage: string
  readonly summary: string
  /** Lines of its help about words of the usage that want more than their name. */
  readonly details?: readonly string[]
  run(args: readonly string[], context: CommandContext): Promise<ExitStatus>
}

/** Each way to call it, as one types it. */
export const usageLines = (called: string, { name, usage }: Pick<Command, 'name' | 'usage'>): string[] =>
  usage.split('\n').map(way => `${called} ${name} ${way}`.trimEnd())

/** The call as it works when it is pasted elsewhere: it names the home where that is not the usual one. */
export function pasteable({ called, environment }: Pick<CommandContext, 'called' | 'environment'>): string {
  const usual = readEnvironment({ ...process.env, AI_INFRA_HOME: '' }).home.root
  const { root } = environment.home
  return called === 'ai-infra' || root === usual ? called : `AI_INFRA_HOME=${shellWord(root)} ${called}`
}

/** The call was wrong: answered with the usage and exit status 2. */
export class WrongUse extends Error {}
