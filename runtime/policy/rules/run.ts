import type { AgentPolicy, Rules } from '../../../desired-state/state.ts'
import type { Need } from '../action.ts'
import { readArgv, readShell, type ShellCommand, type ShellReading } from '../shell.ts'
import type { Known } from '../shell-words.ts'
import { programName } from '../shell-wrappers.ts'
import { type Decision, judge, type PolicyFacts, refuse, together } from './decision.ts'

type RunNeed = Extract<Need, { kind: 'run' }>

/** Words of the shell itself, which start nothing and change nothing outside it. */
const harmless = new Set(
  (
    ': . [ [[ break cd continue command builtin declare echo env exec exit export eval false getopts hash help let local ' +
    'printf pwd read readonly return set shift shopt source test time times trap true type typeset ulimit umask unset wait'
  ).split(' '),
)

/** What the word `basics` of a rule allows: programs that show, search, compare and change files. Shells, too: what they start is read. */
export const basics: ReadonlySet<string> = new Set(
  (
    'awk base64 basename bash bc cat chmod cksum cmp column comm cp csplit cut date dd df diff dirname du egrep env expand expr fd ' +
    'fgrep file find fmt fold gawk grep gunzip gzip head hexdump hostname iconv id install join jq less ln locale ls lsof md5sum ' +
    'mkdir mktemp more mv nice nl nohup nproc numfmt od paste patch pgrep pr printenv ps readlink realpath rev rg rm rmdir sed ' +
    'seq sh sha1sum sha256sum sha512sum shuf sleep sort split stat strings stdbuf tac tail tar tee timeout touch tr tree ' +
    'truncate tty uname unexpand uniq unlink unxz unzip uptime wc which whoami xargs xxd xz yes yq zcat zip zstd'
  ).split(' '),
)

/** Every program that a command starts must be allowed, wherever the line hides it; what cannot be read needs `*`. */
export async function decideRun(policy: AgentPolicy, need: RunNeed, { agent }: PolicyFacts): Promise<Decision> {
  const [program, option, line] = need.argv
  if (program === undefined) return refuse('an empty command cannot be run')
  const isLine = program === 'bash' && option === '-c' && line !== undefined && need.argv.length === 3
  const reading = isLine ? await readShell(line) : await readArgv(need.argv)
  if (reading.problem !== undefined && !allowsAll(policy)) return refuse(`the command cannot be checked: ${reading.problem}`)
  return together([...decidePatterns(policy, agent, reading), ...reading.commands.map(one => decideCommand(policy, agent, one))])
}

const allowsAll = (policy: AgentPolicy) => policy.run.allow.includes('*')

function decideCommand(policy: AgentPolicy, agent: string, command: ShellCommand): Decision {
  const name = programName(command.words[0])
  if (command.words.length === 0) return together([])
  const subject = `running ${command.words
    .map(word => word ?? '(something unknown)')
    .join(' ')
    .slice(0, 200)}`
  const matches = (rule: string, list: keyof Rules) =>
    list === 'allow' || list === 'always' ? allows(rule, command.words) : concerns(rule, command.words)
  const decision = judge(policy, agent, 'run', subject, matches)
  const undecided = decision.decision === 'deny' && decision.matched.length === 0
  return undecided && name !== undefined && harmless.has(name) && anyAllowed(policy) ? together([]) : decision
}

const anyAllowed = (policy: AgentPolicy) => policy.run.allow.length + policy.run.ask.length > 0

/** Rules about the shape of a line instead of a program: `> /dev/sda`, `:(){ :|:& };:`. */
function decidePatterns(policy: AgentPolicy, agent: string, reading: ShellReading): Decision[] {
  const found: Decision[] = []
  for (const list of ['deny', 'ask'] as const) {
    for (const rule of policy.run[list]) {
      if (!hasShape(rule, reading)) continue
      found.push(judge(policy, agent, 'run', 'this command', one => one === rule))
    }
  }
  return found
}

function hasShape(rule: string, reading: ShellReading): boolean {
  if (rule.replace(/\s/g, '') === ':(){:|:&};:') return reading.forkBomb
  const target = /^>\s*(\/\S+)$/.exec(rule)?.[1]
  return target !== undefined && reading.writes.some(path => path?.startsWith(target) === true)
}

/** `*`, `basics`, a program, or a program with its first words, exactly. */
function allows(rule: string, words: readonly Known[]): boolean {
  if (rule === '*') return true
  if (rule === 'basics') return basics.has(programName(words[0]) ?? '')
  const [program, ...rest] = rule.split(/\s+/)
  return programName(words[0]) === program && rest.every((word, index) => words[index + 1] === word)
}

/** As {@link allows}, but however the command is spelled: with other options before, between or joined. */
function concerns(rule: string, words: readonly Known[]): boolean {
  if (rule === '*') return true
  const [program, ...rest] = rule.split(/\s+/)
  const name = programName(words[0])
  if (name === undefined || (name !== program && name.split('/').at(-1) !== program)) return false
  const args = words.slice(1)
  const fixed = rest.filter(isFixed)
  return (
    fixed.every(word => hasWord(word, args)) &&
    inOrder(
      rest.filter(word => !isFixed(word)),
      args,
    )
  )
}

/** Words that count wherever they stand: options, paths, `if=`. */
const isFixed = (word: string) => /^[-/~*]|=$/.test(word)

function hasWord(word: string, args: readonly Known[]): boolean {
  const known = args.filter(arg => arg !== undefined)
  if (/^-[a-zA-Z]+$/.test(word)) return [...word.slice(1)].every(letter => known.some(arg => hasFlag(arg, letter)))
  if (word.endsWith('=')) return known.some(arg => arg.startsWith(word))
  return known.some(arg => arg === word || arg.replace(/\/+$/, '') === word.replace(/\/+$/, ''))
}

const longFlags: Readonly<Record<string, string>> = { r: '--recursive', R: '--recursive', f: '--force' }

function hasFlag(arg: string, letter: string): boolean {
  if (arg.startsWith('--')) return arg.length > 3 && longFlags[letter]?.startsWith(arg) === true
  if (!/^-[a-zA-Z]+$/.test(arg)) return false
  return arg.includes(letter) || (letter === 'r' && arg.includes('R')) || (letter === 'R' && arg.includes('r'))
}

/** The words in this order, before the first other word; options and one word after each option (its value) are passed over. */
function inOrder(words: readonly string[], args: readonly Known[]): boolean {
  if (words.length === 0) return true
  let at = 0
  for (const word of words) {
    let afterOption = false
    for (;;) {
      if (at >= args.length) return false
      const arg = args[at]
      at += 1
      if (arg === undefined || arg === word) break
      if (arg.startsWith('-')) afterOption = true
      else if (afterOption) afterOption = false
      else return false
    }
  }
  return true
}
