import type { Need } from '../action.ts'

/** One pattern for permissions.yaml: what "always" would allow an agent from now on. */
export interface AlwaysRule {
  readonly agent: string
  readonly section: 'read' | 'write' | 'run' | 'verb'
  readonly pattern: string
}

/** Programs that run whatever they are told, so that allowing one allows everything. */
const interpreters = new Set(
  [
    'sh bash dash zsh ksh fish busybox env xargs find sudo su doas nohup timeout nice ionice setsid stdbuf script watch parallel',
    'eval exec command builtin source . time strace ltrace gdb chroot unshare nsenter bwrap ssh scp rsync docker podman kubectl',
    'python python2 python3 perl ruby node nodejs bun bunx deno npm npx yarn pnpm pnpx corepack php lua tclsh expect Rscript',
    'awk gawk mawk sed ed ex vi vim nvim emacs less more man tar make cmake ninja gcc cc go cargo java gradle mvn pip pip3 uv',
    'uvx pipx poetry git curl wget psql sqlite3 mysql mariadb redis-cli mongosh crontab at batch tmux screen entr inotifywait flock',
    'pytest tox nox hatch pdm pipenv conda mamba coverage jest vitest mocha tsx ts-node tsc webpack vite rollup phpunit composer',
    'rake bundle gem rspec irb R julia ghci runghc cabal stack ocaml swift kotlin scala groovy sbt ant bazel meson scons just task',
    'dotnet mono csc zig rustc rustup cmake ctest ansible ansible-playbook terraform tofu helm pre-commit invoke fab gunicorn uwsgi',
    'socat nc ncat netcat telnet ftp sftp lftp rsh svn hg cvs openssl gpg pv dash ld prlimit taskset numactl systemd-run runuser',
    'm4 bc dc jq yq rg fd gnuplot ffmpeg convert latex pdflatex lualatex tex troff groff zip unzip cpio split csplit',
  ].flatMap(line => line.split(' ')),
)

/** Programs that take away or overwrite whatever they are told: one first word says nothing of the others. */
const destructive = new Set(
  'rm rmdir unlink shred truncate dd mkfs kill killall pkill mv cp ln install tee chmod chown chgrp patch'.split(' '),
)

/** Verbs that take something away ask each time. */
const removes = /remove|delete|drop|destroy|purge|revoke|cancel|stop|restore|rollback/i

/**
 * The rule that "always" would save, or undefined where there must be none. `simple` gives the words of a bash line that is
 * one simple command without expansions, and undefined for any other.
 */
export async function alwaysRule(
  agent: string,
  needs: readonly Need[],
  simple: (script: string) => Promise<readonly string[] | undefined>,
): Promise<AlwaysRule | undefined> {
  const [need, ...more] = needs
  if (need === undefined || more.length > 0) return undefined
  switch (need.kind) {
    case 'sql':
    case 'net':
      return undefined
    case 'read':
    case 'write':
      return ruleOf(agent, need.kind, need.path)
    case 'verb':
      return removes.test(need.verb) ? undefined : ruleOf(agent, 'verb', need.verb)
    case 'run': {
      const words = await wordsOf(need.argv, simple)
      return words === undefined ? undefined : runRule(agent, words)
    }
  }
}

async function wordsOf(argv: readonly string[], simple: (script: string) => Promise<readonly string[] | undefined>) {
  const [program, flag, script, ...more] = argv
  const isScript = program === 'bash' && flag === '-c' && script !== undefined && more.length === 0
  return isScript ? await simple(script).catch(() => undefined) : argv
}

/** The program with its first word: `cowsay hello`; a path or an interpreter gets no rule. */
function runRule(agent: string, [program, first]: readonly string[]): AlwaysRule | undefined {
  if (program === undefined || interpreters.has(program.replace(/[\d.]+$/, '')) || interpreters.has(program)) return undefined
  if (destructive.has(program)) return undefined
  const words = [program, ...(first === undefined ? [] : [first])]
  return words.every(word => /^[a-z][\w-]*$/.test(word)) ? ruleOf(agent, 'run', words.join(' ')) : undefined
}

/** A pattern must mean itself alone: no wildcard, nothing that YAML or a reader could take for something else. */
const ruleOf = (agent: string, section: AlwaysRule['section'], pattern: string): AlwaysRule | undefined =>
  /^[\w./: @-]{1,300}$/.test(pattern) && !pattern.includes('..') ? { agent, section, pattern } : undefined

/** As it would stand in its document. */
export const ruleText = (rule: AlwaysRule): string =>
  `permissions:\n  ${rule.agent}:\n    ${rule.section}:\n      always:\n        - ${JSON.stringify(rule.pattern)}`
