import type { Command, Function as ShellFunction, SyntaxNode } from 'unbash'
import { type Known, wordsOf, wordText } from './shell-words.ts'
import { startedBy } from './shell-wrappers.ts'

/** One program that a command line starts, also inside substitutions, functions, `sh -c`, `xargs`, `find -exec`. */
export interface ShellCommand {
  /** Program and arguments; undefined where only running the line could tell. */
  readonly words: readonly Known[]
}

/** What a command line would do, as far as reading tells. */
export interface ShellReading {
  readonly commands: readonly ShellCommand[]
  /** Files that redirections write. */
  readonly writes: readonly Known[]
  /** A function that starts itself again and again in the background. */
  readonly forkBomb: boolean
  /** Why it cannot be read; the commands are then not all. */
  readonly problem: string | undefined
}

const longestLine = 100_000
const deepest = 8

/** Reads a command line for bash without running any of it. */
export async function readShell(line: string): Promise<ShellReading> {
  const reading = new Reading(await import('unbash'))
  reading.line(line, 0)
  return reading
}

/** The same for a command whose words are known. */
export async function readArgv(argv: readonly string[]): Promise<ShellReading> {
  const reading = new Reading(await import('unbash'))
  reading.command(argv, [], undefined, 0)
  return reading
}

class Reading implements ShellReading {
  readonly commands: ShellCommand[] = []
  readonly writes: Known[] = []
  forkBomb = false
  problem: string | undefined
  readonly #parser: typeof import('unbash')

  constructor(parser: typeof import('unbash')) {
    this.#parser = parser
  }

  line(line: string, depth: number): void {
    if (line.length > longestLine) this.problem = `it has ${line.length} characters, and at most ${longestLine} are read`
    else if (line.includes('\0')) this.problem = 'it contains a NUL'
    else if (depth > deepest) this.problem = `it starts shells within shells, more than ${deepest} deep`
    else this.#visit(this.#parser.parse(line), depth)
  }

  /** `assigned`: variables that are set for it alone. `input`: what it reads, where the line itself holds it. */
  command(words: readonly Known[], assigned: readonly string[], input: Known, depth: number): void {
    this.commands.push({ words })
    if (this.commands.length > 1000) this.problem = 'it starts more than 1,000 programs'
    if (this.problem !== undefined) return
    for (const started of startedBy({ words, assigned, input })) {
      if ('line' in started) this.line(started.line, depth + 1)
      else this.command(started.words, [], started.input, depth + 1)
    }
  }

  #visit(node: SyntaxNode, depth: number): void {
    if (this.problem !== undefined) return
    if (node.type === 'Script' && node.errors !== undefined && node.errors.length > 0) {
      this.problem = `bash could not read it: ${node.errors[0]?.message}`
      return
    }
    if (node.type === 'Command') this.#simple(node, depth)
    if (node.type === 'Function') this.forkBomb ||= startsItself(node, this.#parser)
    if (node.type === 'Redirect' && node.operator.includes('>') && node.target !== undefined) {
      this.writes.push(wordText(node.target))
    }
    this.#parser.forEachChild(node, child => this.#visit(child, depth))
  }

  #simple(command: Command, depth: number): void {
    const assigned = command.prefix.flatMap(one => (one.type === 'Assignment' ? wordsOf(one) : []))
    const words = [...(command.name === undefined ? [] : wordsOf(command.name)), ...command.args.flatMap(wordsOf)]
    const known = assigned.filter(one => one !== undefined)
    const input = command.redirects.map(inputOf).find(one => one !== undefined)
    if (words.length > 0 || known.length > 0) this.command(words, known, input, depth)
  }
}

function inputOf(redirection: Command['redirects'][number]): Known {
  if (redirection.type === 'HereString') return redirection.target === undefined ? undefined : wordText(redirection.target)
  if (redirection.type !== 'HereDoc') return undefined
  return redirection.body.parts === undefined ? redirection.body.text : undefined
}

function startsItself(definition: ShellFunction, { forEachChild }: typeof import('unbash')): boolean {
  let found = false
  const look = (node: SyntaxNode, apart: boolean): void => {
    const nowApart = apart || node.type === 'Pipeline' || (node.type === 'Statement' && node.background === true)
    if (nowApart && node.type === 'Command' && node.name?.value === definition.name.value) found = true
    forEachChild(node, child => look(child, nowApart))
  }
  look(definition.body, false)
  return found
}
