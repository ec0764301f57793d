import { posix } from 'node:path'
import type { Known } from './shell-words.ts'

/** A command as far as it was read. */
export interface Invocation {
  readonly words: readonly Known[]
  /** `NAME=value` that is set for it alone. */
  readonly assigned: readonly string[]
  /** What it reads from the line itself (`<<EOF`). */
  readonly input: Known
}

/** What a command starts in turn: a line for a shell, or another command; `[undefined]` where reading cannot tell. */
export type Started = { readonly line: string } | { readonly words: readonly Known[]; readonly input?: Known }

const unknown: Started = { words: [undefined] }

/** The name under which rules know a program: without its folder, for those of the system. */
export function programName(word: Known): Known {
  if (word === undefined || !word.includes('/')) return word
  return /^\/(usr\/(local\/)?)?s?bin\/[^/]+$/.test(word) ? posix.basename(word) : word
}

/** Programs whose arguments are a command, and the options of theirs that take a value. */
const wrappers: Readonly<Record<string, { valued: RegExp; skip?: number }>> = {
  env: { valued: /^-[uC]$|^--(unset|chdir)$/ },
  command: { valued: /^$/ },
  builtin: { valued: /^$/ },
  exec: { valued: /^-a$/ },
  nohup: { valued: /^$/ },
  setsid: { valued: /^$/ },
  nice: { valued: /^-n$|^--adjustment$/ },
  ionice: { valued: /^-[cnp]$/ },
  stdbuf: { valued: /^-[ioe]$/ },
  time: { valued: /^-[fo]$/ },
  timeout: { valued: /^-[ks]$|^--(signal|kill-after)$/, skip: 1 },
  flock: { valued: /^-[wE]$/, skip: 1 },
  chroot: { valued: /^$/, skip: 1 },
  prlimit: { valued: /^-[pn]$/ },
  sudo: { valued: /^-[ugCDhpRT]$/ },
  doas: { valued: /^-[uC]$/ },
  strace: { valued: /^-[eopsuEP]$/ },
  busybox: { valued: /^$/ },
  xargs: { valued: /^-[EIadLnPs]$|^--(max-args|max-procs|delimiter|arg-file|replace|max-lines|max-chars)$/ },
  parallel: { valued: /^-[jNI]$/ },
  watch: { valued: /^-n$/ },
}

const shells = new Set(['sh', 'bash', 'dash', 'zsh', 'ksh', 'mksh', 'ash', 'rbash', 'fish'])

/** Programs that run commands which a file of the project names. */
const runners = new Set(['npm', 'pnpm', 'yarn', 'bun'])
const scriptWords = new Set([
  'run',
  'run-script',
  'test',
  't',
  'tst',
  'start',
  'stop',
  'restart',
  'install',
  'i',
  'ci',
  'add',
  'rebuild',
])
const executors = new Set(['npx', 'bunx', 'pnpx'])

/** Variables whose value is a command for some program, or code that it loads. */
const commandVariables =
  /^(GIT_(SSH_COMMAND|SSH|PAGER|EDITOR|EXTERNAL_DIFF|ASKPASS|SEQUENCE_EDITOR|PROXY_COMMAND)|PAGER|EDITOR|VISUAL|BROWSER|MANPAGER|LESSOPEN|PROMPT_COMMAND)=/
const codeVariables =
  /^(LD_PRELOAD|LD_LIBRARY_PATH|LD_AUDIT|BASH_ENV|ENV|NODE_OPTIONS|PYTHONSTARTUP|PYTHONPATH|PERL5OPT|RUBYOPT|BASH_FUNC_[^=]*|PATH|GIT_CONFIG[A-Z_0-9]*)=/

export function startedBy({ words, assigned, input }: Invocation): readonly Started[] {
  const name = programName(words[0])
  const found = assigned.flatMap(fromVariable)
  if (name === undefined) return found
  const rest = words.slice(1)
  if (['export', 'declare', 'typeset', 'readonly', 'local'].includes(name)) {
    found.push(...rest.flatMap(word => (word === undefined ? [] : fromVariable(word))))
  } else if (name === 'eval') {
    found.push(lineOf(rest))
  } else if (name === 'trap') {
    found.push(...(rest.length > 1 ? [lineOf(rest.slice(0, 1))] : []))
  } else if (name === 'source' || name === '.') {
    found.push({ words: ['script', ...rest] })
  } else if (shells.has(name)) {
    found.push(...fromShell(rest, input))
  } else if (name === 'find' || name === 'fd') {
    found.push(...fromFind(rest))
  } else if (name === 'git') {
    found.push(...fromGit(rest))
  } else if (runners.has(name)) {
    found.push(...fromRunner(name, rest))
  } else if (executors.has(name)) {
    found.push({ words: ['script', ...rest] })
  } else if (name === 'make' || name.includes('/')) {
    found.push({ words: ['script', ...words] })
  } else if (wrappers[name] !== undefined) {
    found.push(...fromWrapper(name, rest))
  }
  return found
}

const lineOf = (words: readonly Known[]): Started => {
  const known = words.filter(word => word !== undefined)
  return known.length < words.length ? unknown : { line: known.join(' ') }
}

function fromVariable(text: string): Started[] {
  if (codeVariables.test(text)) return [unknown]
  return commandVariables.test(text) ? [{ line: text.slice(text.indexOf('=') + 1) }] : []
}

function fromWrapper(name: string, args: readonly Known[]): Started[] {
  const wrapper = wrappers[name]
  if (wrapper === undefined) return []
  let at = 0
  const found: Started[] = []
  for (; at < args.length; at++) {
    const word = args[at]
    if (word === undefined) return [unknown]
    if (name === 'env' && /^(-S|--split-string(=|$))/.test(word)) {
      const inline = word.replace(/^(-S|--split-string=?)/, '')
      return [lineOf(inline === '' ? args.slice(at + 1) : [inline, ...args.slice(at + 1)])]
    }
    if (name === 'env' && /^[A-Za-z_][A-Za-z0-9_]*=/.test(word)) found.push(...fromVariable(word))
    else if (word === '--') at += 1
    else if (word.startsWith('-') && word !== '-') at += wrapper.valued.test(word) ? 1 : 0
    else if (word !== '-') break
    if (word === '--') break
  }
  const words = args.slice(at + (wrapper.skip ?? 0))
  if (words.length === 0) return found
  // Words that come from the input may hide whatever a rule looks for.
  const inputWords = name === 'xargs' || name === 'parallel' ? [undefined] : []
  return [...found, { words: [...words, ...inputWords] }]
}

function fromShell(args: readonly Known[], input: Known): Started[] {
  for (const [index, word] of args.entries()) {
    if (word === undefined) return [unknown]
    if (/^-[a-zA-Z]*c[a-zA-Z]*$/.test(word))
      return [lineOf(args.slice(index + 1, index + 2).concat(args.length > index + 1 ? [] : [undefined]))]
    if (word === '--rcfile' || word === '--init-file') return [unknown]
    if (word === '-' || word === '-s') break
    if (!/^[-+]/.test(word)) return [{ words: ['script', ...args.slice(index)] }]
  }
  return input === undefined ? [unknown] : [{ line: input }]
}

function fromFind(args: readonly Known[]): Started[] {
  return args.flatMap((word, index): Started[] => {
    if (word === undefined || !/^(-exec|-execdir|-ok|-okdir|-x|--exec|-X|--exec-batch)$/.test(word)) return []
    const rest = args.slice(index + 1)
    const end = rest.findIndex(one => one === ';' || one === '+')
    return [{ words: (end === -1 ? rest : rest.slice(0, end)).map(one => (one?.includes('{}') ? undefined : one)) }]
  })
}

const gitCommands =
  /^(core\.(pager|editor|sshcommand|fsmonitor|askpass|gitproxy|hookspath|alternaterefscommand)|sequence\.editor|gpg\..*program|diff\..*(external|command|textconv)|merge\..*driver|filter\..*(clean|smudge|process)|credential\..*helper|credential\.helper|pager\..*|interactive\.difffilter|uploadpack\.packobjectshook|.*tool\..*cmd|include.*path|remote\..*(uploadpack|receivepack))$/i

function fromGit(args: readonly Known[]): Started[] {
  return args.flatMap((word, index): Started[] => {
    if (word === undefined) return []
    const next = args[index + 1]
    if (word === '-c' || word === '--config' || word === '--config-env')
      return next === undefined ? [unknown] : fromGitSetting(next)
    if (word.startsWith('--config=')) return fromGitSetting(word.slice('--config='.length))
    if (word === 'config')
      return fromGitSetting(
        `${args.slice(index + 1).find(one => one !== undefined && !one.startsWith('-')) ?? ''}=${args.at(-1) ?? ''}`,
      )
    const program = /^--(?:upload-pack|receive-pack|exec|extcmd|open-files-in-pager)(?:=(.*))?$/.exec(word)
    if (program !== null) return [program[1] === undefined ? lineOf([next]) : { line: program[1] }]
    if (/^ext::/.test(word)) return [{ line: word.slice('ext::'.length) }]
    if (word === '--exec-path' || word.startsWith('--exec-path=')) return [unknown]
    if ((word === 'rebase' || word === 'bisect') && args.includes('-x'))
      return [lineOf(args.slice(args.indexOf('-x') + 1).slice(0, 1))]
    return word === 'bisect' && next === 'run' ? [{ words: args.slice(index + 2) }] : []
  })
}

function fromGitSetting(setting: string): Started[] {
  const at = setting.indexOf('=')
  const [key, value] = at === -1 ? [setting, ''] : [setting.slice(0, at), setting.slice(at + 1)]
  if (/^alias\./i.test(key)) return [value.startsWith('!') ? { line: value.slice(1) } : { line: `git ${value}` }]
  if (!gitCommands.test(key)) return []
  if (/hookspath|include.*path/i.test(key)) return [{ words: ['script', value] }]
  return [{ line: value.replace(/^!/, '') }]
}

function fromRunner(name: string, args: readonly Known[]): Started[] {
  const [first] = args.filter(word => word === undefined || !word.startsWith('-'))
  if (first === undefined) return args.length === 0 && name !== 'yarn' ? [] : [{ words: ['script', undefined] }]
  if (first === 'exec' || first === 'x' || first === 'dlx') return [{ words: ['script', ...args] }]
  if (name === 'bun' && /[./]/.test(first)) return [{ words: ['script', first] }]
  return scriptWords.has(first) || name === 'yarn' ? [{ words: ['script', ...args] }] : []
}
