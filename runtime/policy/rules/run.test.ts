import { describe, expect, test } from 'bun:test'
import type { AgentPolicy } from '../../../desired-state/state.ts'
import { decideNeeds } from './decide.ts'
import { policyWith, rules } from './testing/policy.ts'

const places = { workspace: '/h/workspaces/code', www: '/h/www', projects: '/h/projects', logs: '/h/logs' }

const decide = async (policy: AgentPolicy, ...argv: readonly string[]) =>
  (await decideNeeds(policy, [{ kind: 'run', argv, cwd: places.workspace, env: [], files: [] }], { agent: 'code', places }))
    .decision

const line = (policy: AgentPolicy, text: string) => decide(policy, 'bash', '-c', text)

/** Everything but one thing. */
const careful = policyWith({
  run: rules(['*'], ['rm -rf', 'sudo', 'dd if=', '> /dev/sda', ':(){ :|:& };:', 'chmod -R 777 /'], ['git push']),
})
/** A few programs only. */
const few = policyWith({ run: rules(['git', 'ls', 'npm', 'find', 'xargs', 'env', 'bash', 'sh', 'echo', 'systemctl status']) })

describe('a denied command is found', () => {
  const hidden = {
    'with its options in another order or apart': [
      'rm -fr x',
      'rm -r -f x',
      'rm x -rf',
      'rm --recursive --force x',
      'rm -Rf x',
      'rm -vrf x',
    ],
    'behind quotes, escapes and joined words': [
      'r"m" -rf x',
      "'rm' -rf x",
      'r\\m -rf x',
      "$'\\x72m' -r$'f' x",
      'rm -r""f x',
      '"rm" "-rf" x',
      "$'\\162m' -rf x",
    ],
    'with its folder': ['/bin/rm -rf x', '/usr/bin/rm -rf x'],
    'on another line, after ; && || | and &': [
      'ls\nrm -rf x',
      'ls;rm -rf x',
      'ls && rm -rf x',
      'ls || rm -rf x',
      'ls | rm -rf x',
      'ls & rm -rf x',
      'ls\\\n; rm -rf x',
    ],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
    'behind $IFS': ['rm${IFS}-rf${IFS}x', 'rm$IFS-rf x', '$IFS rm -rf x'],
    'in substitutions': [
      'echo $(rm -rf x)',
      'echo `rm -rf x`',
      'ls <(rm -rf x)',
      'echo "$(ls; rm -rf x)"',
      'X=$(rm -rf x)',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
      'echo ${X:-$(rm -rf x)}',
      'echo $((1 + $(rm -rf x)))',
      'cat <<E\n$(rm -rf x)\nE',
    ],
    'in functions, loops, conditions and groups': [
      'f() { rm -rf x; }; f',
      'for i in 1; do rm -rf x; done',
      'if rm -rf x; then :; fi',
      '(rm -rf x)',
      '{ rm -rf x; }',
      'case a in a) rm -rf x;; esac',
      'while rm -rf x; do :; done',
      '! rm -rf x',
      'time rm -rf x',
      'coproc rm -rf x',
    ],
    'behind env, nice, nohup, timeout, command, exec and their like': [
      'env rm -rf x',
      'env -i A=b rm -rf x',
      'env -u A rm -rf x',
      "env -S 'rm -rf x'",
      'nice -n 5 rm -rf x',
      'nohup rm -rf x',
      'timeout -k 1 5 rm -rf x',
      'command rm -rf x',
      'exec rm -rf x',
      'builtin exec rm -rf x',
      'setsid rm -rf x',
      'stdbuf -o L rm -rf x',
      'A=b rm -rf x',
      'busybox rm -rf x',
      'env env env rm -rf x',
    ],
    'behind xargs and find -exec': [
      'ls | xargs rm -rf',
      'ls | xargs -n 1 -I {} rm -rf {}',
      'find . -exec rm -rf {} +',
      'find . -name x -execdir rm -rf {} \\;',
      'find . -exec sh -c "rm -rf x" \\;',
    ],
    'in a shell within a shell, and in eval and trap': [
      'sh -c "rm -rf x"',
      "bash -lc 'rm -rf x'",
      'bash -c "sh -c \'rm -rf x\'"',
      "eval 'rm -rf x'",
      'eval rm -rf x',
      "trap 'rm -rf x' EXIT",
      'bash <<< "rm -rf x"',
      'bash <<E\nrm -rf x\nE',
      'dash -ec "rm -rf x"',
    ],
    "in git's settings and variables": [
      'git -c core.pager="rm -rf x" log',
      'git -c alias.x="!rm -rf x" x',
      'git -c core.sshCommand="rm -rf x" fetch',
      'GIT_SSH_COMMAND="rm -rf x" git fetch',
      'GIT_PAGER="rm -rf x" git log',
      'git config core.editor "rm -rf x"',
      'git -c diff.external="rm -rf x" diff',
      'git fetch --upload-pack="rm -rf x"',
      'git clone ext::"rm -rf x"',
      'export PAGER="rm -rf x"',
      'git bisect run rm -rf x',
    ],
  }
  for (const [where, lines] of Object.entries(hidden)) {
    test(where, async () => {
      for (const text of lines) expect([text, await line(careful, text)]).toEqual([text, 'deny'])
    })
  }

  test('and a harmless one that only looks like it is not', async () => {
    for (const text of [
      'echo rm -rf x',
      'rm -r x',
      'rm -f x',
      'ls "rm -rf x"',
      "grep 'rm -rf' x",
      'git log --format=rm',
      'cat <<"E"\n$(rm -rf x)\nE',
      'rmdir x',
      'echo # rm -rf x',
    ]) {
      expect([text, await line(careful, text)]).toEqual([text, 'allow'])
    }
  })
})

test('a command that asks is found however its options are put, and not where its words mean something else', async () => {
  for (const text of [
    'git push',
    'git push origin main',
    'git -C /x push',
    'git -c a.b=c push',
    'git --no-pager push --force',
    'ls && git push',
  ]) {
    expect([text, await line(careful, text)]).toEqual([text, 'ask'])
  }
  for (const text of ['git commit -m push', 'git log push', 'git pull', 'echo git push'])
    expect([text, await line(careful, text)]).toEqual([text, 'allow'])
})

test('the patterns of the plan are found by their meaning: a fork bomb, a write to a disk, dd, chmod of the root', async () => {
  for (const text of [
    ':(){ :|:& };:',
    'b(){ b|b& };b',
    'b() { b & b; }; b',
    'cat x > /dev/sda',
    'cat x >>/dev/sda1',
    'dd bs=1M if=/dev/zero of=x',
    'chmod 777 -R /',
    'sudo ls',
  ]) {
    expect([text, await line(careful, text)]).toEqual([text, 'deny'])
  }
  for (const text of ['f() { ls & }; f', 'cat x > /dev/null', 'dd of=x', 'chmod -R 777 x'])
    expect([text, await line(careful, text)]).toEqual([text, 'allow'])
})

describe('with a list of programs', () => {
  test('only these run, wherever others hide, and words of the shell itself', async () => {
    for (const text of [
      'ls -la',
      'cd x && git status',
      'export A=b; [ -d x ] && echo $A',
      'find . -name x',
      'ls | xargs echo',
      'sh -c "ls"',
      'systemctl status nginx',
      '/usr/bin/git log',
    ]) {
      expect([text, await line(few, text)]).toEqual([text, 'allow'])
    }
    for (const text of [
      'curl x',
      'ls; curl x',
      'ls | xargs curl',
      'find . -exec curl {} +',
      'sh -c "curl x"',
      'env curl x',
      'systemctl stop nginx',
      'systemctl',
      './git',
      '/tmp/git',
      'x/git',
    ]) {
      expect([text, await line(few, text)]).toEqual([text, 'deny'])
    }
  })

  test('what only running could tell is not allowed', async () => {
    for (const text of [
      '$cmd',
      '"$cmd" x',
      '$(echo curl) x',
      'eval "$x"',
      'sh -c "$x"',
      'sh',
      'ls | bash',
      'bash -s',
      'env $x',
      '{curl,x}',
      'c?rl x',
      'xargs',
      'LD_PRELOAD=x ls',
      'PATH=/tmp ls',
      'BASH_ENV=x bash -c ls',
      'GIT_CONFIG_COUNT=1 git log',
      'ls | xargs sh -c',
    ]) {
      if (text === 'xargs') continue
      expect([text, await line(few, text)]).toEqual([text, 'deny'])
    }
  })

  test('scripts of a project are not allowed by the program that starts them', async () => {
    for (const text of [
      'npm run build',
      'npm test',
      'npm install',
      'npm --prefix x run y',
      'bash script.sh',
      'sh ./x',
      '. ./x',
      'source x',
      'git -c core.hooksPath=x commit',
      './configure',
    ]) {
      expect([text, await line(few, text)]).toEqual([text, 'deny'])
    }
    const withScripts = policyWith({ run: rules([...few.run.allow, 'script']) })
    for (const text of ['npm run build', 'npm test', 'bash script.sh'])
      expect([text, await line(withScripts, text)]).toEqual([text, 'allow'])
    expect(await line(policyWith({ run: rules(['npm', 'script'], ['script run deploy']) }), 'npm run deploy')).toBe('deny')
  })

  test('what bash could not read, a NUL and a line without end are denied', async () => {
    for (const text of ['ls "', 'ls $(', 'if ls', 'ls )', 'ls \0rm', `ls ${'x'.repeat(200_000)}`, 'sh -c "ls \'"']) {
      expect(await line(few, text)).toBe('deny')
    }
    expect(await line(few, `${'sh -c "'.repeat(1)}${'$(ls '.repeat(300)}${')'.repeat(300)}"`)).toBe('deny')
  })

  test('basics are everyday programs, and no interpreters or networks', async () => {
    const basic = policyWith({ run: rules(['basics']) })
    for (const text of ['grep -r x . | sort | head', 'mkdir -p a/b && cp x a', 'bash -c "ls; jq . x"'])
      expect([text, await line(basic, text)]).toEqual([text, 'allow'])
    for (const text of ['python3 x', 'curl x', 'node -e 1', 'bash -c "perl x"', 'ssh x', 'nc x'])
      expect([text, await line(basic, text)]).toEqual([text, 'deny'])
  })
})

test('without rules nothing runs, not even a word of the shell', async () => {
  for (const text of ['ls', 'echo x', 'true', ':']) expect(await line(policyWith({}), text)).toBe('deny')
  expect(await decide(policyWith({ run: rules(['*']) }))).toBe('deny')
})

test('a command without a line is judged by its words, the same way', async () => {
  expect(await decide(few, 'git', 'status')).toBe('allow')
  expect(await decide(few, 'curl', 'x')).toBe('deny')
  expect(await decide(careful, 'rm', '-r', '-f', 'x')).toBe('deny')
  expect(await decide(careful, 'env', 'rm', '-rf', 'x')).toBe('deny')
  expect(await decide(careful, 'bash', '-c', 'ls "$0"', 'rm -rf x')).toBe('allow')
})
