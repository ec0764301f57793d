import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { realpathSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { policyWith, rules } from '../policy/rules/testing/policy.ts'
import { createSandbox } from './create.ts'
import { sandboxPolicyOf } from './policy.ts'
import { findPrograms } from './programs.ts'
import type { Sandbox, SandboxLimits } from './sandbox.ts'
import { keyctlNumber } from './system-calls.ts'
import { type Places, shellIn, somePlaces } from './testing/places.ts'

const policy = policyWith({
  read: rules(['workspace', 'www']),
  write: rules(['workspace']),
  env: rules(['PATH', 'HOME', 'TMPDIR']),
  run: rules(['*']),
})

setDefaultTimeout(120_000)

let places: Places
let sandbox: Sandbox
let run: ReturnType<typeof shellIn>

beforeAll(async () => {
  places = await somePlaces()
  sandbox = createSandbox()
  run = shellIn(sandbox, places, policy)
})

afterAll(async () => {
  await sandbox.stop()
  await places[Symbol.asyncDispose]()
})

const lines = (text: string) => text.trim().split('\n').sort()

describe('what a command sees', () => {
  test('its workspace and what it may read, and nothing else of the home', async () => {
    const { stdout } = await run(`find ${places.home} -maxdepth 2 2>/dev/null`)
    const below = (path: string) => join(places.home, path)
    expect(lines(stdout)).toEqual(
      [places.home, ...['tools', 'tools/helper.js', 'workspaces', 'workspaces/code', 'www', 'www/index.html'].map(below)].sort(),
    )
    expect((await run(`cat ${places.www}/index.html`)).stdout).toBe('a page')
    expect((await run(`cat ${places.other}/notes ${places.home}/keys/secret`)).stdout).toBe('')
  })

  test('no home folders, no other data of the system, no sockets, and no file of this program', async () => {
    const hidden = [
      '/home',
      '/root',
      '/var',
      '/srv',
      '/opt',
      '/mnt',
      '/boot',
      '/run',
      '/tmp',
      '/etc/ai-infra',
      '/etc/ssh',
      '/etc/ssl/private',
    ]
    const { stdout } = await run(`find ${hidden.join(' ')} -not -type d 2>/dev/null; cat /etc/shadow`)
    const needed = [places.home, realpathSync(process.execPath), findPrograms().seccomp]
    const others = lines(stdout).filter(path => !needed.some(one => path.startsWith(one)) && !/srt-proxy-agent\.jar$/.test(path))
    // The one socket leads to the filtering proxy.
    expect(others).toEqual([expect.stringMatching(/\/claude-http-[0-9a-f]+\.sock$/)])
    expect((await run(`cat ${import.meta.path} ${join(import.meta.dir, '../../package.json')}`)).stdout).toBe('')
  })

  test('nothing of the machine but how many processors it has and how large its pages are', async () => {
    const { stdout } = await run('ls /sys /sys/devices/system; nproc; ls /sys/class /sys/fs /sys/firmware 2>/dev/null')
    expect(stdout).toMatch(/^\/sys:\ndevices\nkernel\n\n\/sys\/devices\/system:\ncpu\nnode\n\d+\n$/)
  })

  test('no process but its own', async () => {
    const { stdout } = await run('cat /proc/[0-9]*/cmdline | tr "\\0" "\\n"; echo; ls /proc | grep -c "^[0-9]"')
    expect(stdout).not.toContain(import.meta.file)
    expect(Number(lines(stdout).findLast(line => /^\d+$/.test(line)))).toBeLessThan(15)
    expect((await run(`kill -0 ${process.pid}; kill -9 -1; true`)).code).not.toBe(undefined)
    expect((await run(`ls /proc/${process.pid}/root 2>&1; cat /proc/${process.pid}/environ 2>&1`)).stdout).toContain(
      'No such file',
    )
  })

  test('no shared memory of other programs of the same user', async () => {
    const made = Bun.spawnSync(['ipcmk', '-M', '4096'])
    const id = /\d+/.exec(made.stdout.toString())?.[0] ?? ''
    try {
      const { stdout } = await run(
        `ipcrm -m ${id} 2>&1; tail -n +2 /proc/sysvipc/shm | wc -l; tail -n +2 /proc/sysvipc/sem | wc -l`,
      )
      expect(stdout).toMatch(/ipcrm: invalid id.*\n0\n0\n$/)
    } finally {
      expect(Bun.spawnSync(['ipcrm', '-m', id]).exitCode).toBe(0)
    }
  })

  test('only the variables it is given, and none of ours', async () => {
    const { stdout } = await run('env', { env: { PATH: '/usr/bin:/bin', WANTED: 'x y' } })
    expect(stdout).toContain('WANTED=x y')
    for (const name of Object.keys(process.env)) {
      if (!/^(PATH|PWD|LANG|SHLVL|_|TMPDIR|.*PROXY|.*proxy)$/.test(name))
        expect(lines(stdout)).not.toContain(`${name}=${process.env[name]}`)
    }
  })

  test('the tool helper runs inside with bun', async () => {
    const result = await sandbox.run(
      { argv: [places.bun, places.toolHelper], cwd: places.folder },
      sandboxPolicyOf(policy, places),
      new AbortController().signal,
    )
    expect(result).toMatchObject({ code: 0, stdout: 'helped\n' })
  })
})

describe('a rule that allows too much', () => {
  test('shows no secret, socket or database of the appliance', async () => {
    await Bun.write(join(places.home, 'postgres/base'), 'rows')
    const wide = shellIn(sandbox, places, {
      ...policy,
      read: rules(['/']),
      write: rules(['workspace', join(places.home, 'keys')]),
    })
    const { stdout } = await wide(
      `cat ${places.other}/notes; cat ${places.home}/keys/secret ${places.home}/postgres/base; ls ${places.home}/run; echo y > ${places.home}/keys/secret`,
    )
    expect(stdout).toBe('notes of qa')
    expect(await Bun.file(join(places.home, 'keys/secret')).text()).toBe('the key of the kingdom')
  })
})

describe('paths', () => {
  test('through .., links and /proc/self/root end inside the boundary', async () => {
    await symlink(join(places.home, 'keys'), join(places.workspace, 'link'))
    await symlink('/etc/shadow', join(places.workspace, 'shadow'))
    const { stdout } = await run(
      `cat link/secret ../../keys/secret /proc/self/root${places.home}/keys/secret /proc/1/root${places.home}/keys/secret shadow ../qa/notes`,
    )
    expect(stdout).toBe('')
  })

  test('outside the workspace cannot be written, and what is written there is not there', async () => {
    await run(
      `echo x > ${places.www}/index.html; echo x > ${places.home}/keys/secret; echo x > /usr/x; echo x > /etc/passwd; ln -s x ${places.www}/y`,
    )
    expect(await Bun.file(join(places.www, 'index.html')).text()).toBe('a page')
    expect(await Bun.file(join(places.home, 'keys/secret')).text()).toBe('the key of the kingdom')
    expect(await Bun.file(join(places.www, 'y')).exists()).toBe(false)
    await run('echo kept > mine')
    expect(await Bun.file(join(places.workspace, 'mine')).text()).toBe('kept\n')
  })

  test('that a rule names inside the workspace do not become a way out when a command makes them links', async () => {
    const wider = shellIn(sandbox, places, {
      ...policy,
      read: rules(['workspace', 'workspace/a', 'workspace/b']),
      write: rules(['workspace', 'workspace/a']),
    })
    await wider(`ln -s ${places.home}/keys a; ln -s ${places.other} b`)
    expect((await wider('cat a/secret b/notes; echo x > a/new')).stdout).toBe('')
    expect(await Bun.file(join(places.home, 'keys/new')).exists()).toBe(false)
  })

  test('that a rule denies stay out of sight when a command renames what they lie in', async () => {
    await mkdir(join(places.workspace, 'deep/er'), { recursive: true })
    await Bun.write(join(places.workspace, 'deep/er/key'), 'hush')
    const denied = shellIn(sandbox, places, { ...policy, read: rules(['workspace'], ['workspace/deep/er']) })
    await denied('mv deep moved; mv deep/er deep/other; rm -rf deep')
    expect((await denied('cat moved/er/key deep/other/key deep/er/key')).stdout).toBe('')
  })

  test('that a rule denies stay out of sight inside what it allows, and a link to them too', async () => {
    await mkdir(join(places.workspace, 'secret'))
    await Bun.write(join(places.workspace, 'secret/key'), 'hush')
    await symlink('secret/key', join(places.workspace, 'open'))
    const run = shellIn(sandbox, places, {
      ...policy,
      read: rules(['workspace'], ['workspace/secret']),
      write: rules(['workspace'], ['workspace/mine']),
    })
    expect((await run('cat secret/key open')).stdout).toBe('')
    await run('echo more > mine; rm -f mine')
    expect(await Bun.file(join(places.workspace, 'mine')).text()).toBe('kept\n')
  })
})

describe('system calls', () => {
  test('no Unix socket can be made, not even to one that lies in the workspace', async () => {
    const path = join(places.workspace, 'db.sock')
    using server = Bun.listen({ unix: path, socket: { open: socket => void socket.end('hello from the database'), data() {} } })
    expect(server.unix).toBe(path)
    const { stdout, stderr } = await run(
      'socat -u UNIX-CONNECT:db.sock -; python3 -c "import socket; socket.socket(socket.AF_UNIX)"',
    )
    expect(stdout).toBe('')
    expect(stderr).toContain('Operation not permitted')
  })

  test('no namespace, no mount, no privilege', async () => {
    const { stdout } = await run(
      'unshare -Ur id 2>&1; mount -t tmpfs none /mnt 2>&1; bwrap --ro-bind / / true 2>&1; grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status',
    )
    expect(stdout).toMatch(/unshare.*Operation not permitted/)
    expect(stdout).toMatch(/CapEff:\s*0000000000000000/)
    expect(stdout).toMatch(/NoNewPrivs:\s*1/)
  })

  test('no key of a user or session, so that no agent speaks to another through one, and no odd door into the kernel', async () => {
    const script = `
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
for name, number in (("keyctl", ${keyctlNumber()}), ("add_key", ${keyctlNumber() - 2}), ("request_key", ${keyctlNumber() - 1})):
    ctypes.set_errno(0)
    libc.syscall(number, b"user", b"probe", b"x", 1, -3)
    print(name, errno.errorcode.get(ctypes.get_errno()))`
    expect((await run(`python3 -c '${script}'`)).stdout).toBe('keyctl EPERM\nadd_key EPERM\nrequest_key EPERM\n')
    expect((await run('grep Seccomp: /proc/self/status; echo alive')).stdout).toBe('Seccomp:\t2\nalive\n')
  })
})

test('a variable of a command is obeyed inside, not by what makes the sandbox', async () => {
  const outside = join(places.home, 'reached')
  const script = join(places.workspace, 'startup.sh')
  await Bun.write(script, `touch ${outside} ${places.workspace}/obeyed`)
  await run('true', { env: { PATH: '/usr/bin:/bin', BASH_ENV: script, 'X; touch y': 'z' } })
  expect(await Bun.file(join(places.workspace, 'obeyed')).exists()).toBe(true)
  expect(await Bun.file(outside).exists()).toBe(false)
  expect(await Bun.file(join(places.workspace, 'y')).exists()).toBe(false)
})

test('a folder that is not there or out of sight is none to work in', async () => {
  const inFolder = (cwd: string) =>
    sandbox.run({ argv: ['pwd'], cwd }, sandboxPolicyOf(policy, places), new AbortController().signal)
  await expect(inFolder(join(places.home, 'nowhere'))).rejects.toThrow('there is no folder')
  expect((await inFolder(join(places.home, 'keys'))).stdout).not.toContain('keys')
})

describe('limits', () => {
  const limits: SandboxLimits = { seconds: 20, outputBytes: 2000, memoryMebibytes: 256, fileMebibytes: 1, processes: 40 }

  test('a command that takes too long ends with everything it started', async () => {
    const result = await run('(sleep 60; touch late) & sleep 60', { limits: { ...limits, seconds: 0.3 } })
    expect(result.code).toBeUndefined()
    expect(result.notes).toEqual(['it took longer than 0.3 seconds (max_execution_time_seconds)'])
    expect(result.milliseconds).toBeLessThan(5_000)
  })

  test('what a command leaves in the background ends with it', async () => {
    const began = Date.now()
    const result = await run('sleep 987 & (setsid sleep 987 &) ; disown -a; echo done')
    expect(result).toMatchObject({ code: 0, stdout: 'done\n' })
    expect(Date.now() - began).toBeLessThan(5_000)
    const { listProcesses, commandLine } = await import('../os/process.ts')
    expect(listProcesses().filter(one => commandLine(one.pid).join(' ') === 'sleep 987')).toEqual([])
  })

  test('a stopped command ends', async () => {
    const stop = new AbortController()
    const result = run('echo started; sleep 60', {}, stop.signal)
    setTimeout(() => stop.abort(), 300)
    expect((await result).notes).toEqual(['it was stopped'])
  })

  test('long output is cut in the middle, and its end is kept', async () => {
    const result = await run('seq 1 100000', { limits })
    expect(result.stdout.length).toBeLessThan(2100)
    expect(result.stdout).toStartWith('1\n2\n')
    expect(result.stdout).toEndWith('\n99999\n100000\n')
    expect(result.notes).toEqual(['it printed more than 2000 bytes: the middle was left out'])
  })

  test('endless output ends the command, and who watches gets as much as is kept', async () => {
    const watched: string[] = []
    const result = await sandbox.run(
      { argv: ['yes'], cwd: places.folder, onOutput: text => void watched.push(text) },
      { ...sandboxPolicyOf(policy, places), limits },
      new AbortController().signal,
    )
    expect(result.notes).toContain('it printed more than 64 MiB')
    expect(watched.join('').length).toBe(2000)
  })

  test('memory is bounded for one process, for all together, and for what lives in it without a process, and the note says so', async () => {
    const one = await run('head -c 600m /dev/zero | tail | wc -c', { limits })
    expect(one.notes).toEqual([expect.stringContaining('256')])
    expect(one.notes[0]).toEndWith('(max_memory_mb)')
    const held = /^it held \d+ MiB of memory, and may hold 256 \(max_memory_mb\)$/
    const large = { ...limits, fileMebibytes: 1000 }
    const lines = [
      'for i in 1 2 3; do (head -c 120m /dev/zero | tail -c 119m | sleep 20) & done; wait',
      'head -c 300m /dev/zero > /tmp/x; sleep 20',
      // Everything that hides ours lies in memory, whatever it is called.
      'for at in /opt /srv /root /dev; do head -c 80m /dev/zero > $at/x; done; sleep 20',
      `python3 -c 'import os, time; f = os.memfd_create("x"); [os.write(f, b"x" * 2**20) for _ in range(300)]; time.sleep(20)'`,
    ]
    for (const line of lines)
      expect([line, (await run(line, { limits: large })).notes]).toEqual([line, [expect.stringMatching(held)]])
  })

  test('a refusal of memory is told also where the program has words of its own for it', async () => {
    const asked = await run('python3 -c "bytearray(600 * 2**20)"', { limits })
    expect(asked).toMatchObject({
      code: 1,
      notes: [expect.stringContaining('256 MiB of memory that it may hold (max_memory_mb)')],
    })
  })

  test('a file has its size, and a fork bomb its number of processes', async () => {
    const big = await run('head -c 3m /dev/zero > big; stat -c %s big', { limits })
    expect(big.stdout).toBe('1048576\n')
    expect(big.notes).toEqual(['it wrote a file larger than 1 MiB (max_file_size_mb)'])
    const many = 'import os, time\nfor _ in range(999):\n  if os.fork() == 0: time.sleep(20); os._exit(0)'
    const refused = await run(`python3 -c '${many}'`, { limits: { ...limits, memoryMebibytes: 4000 } })
    expect(refused).toMatchObject({ code: 1, notes: ['it may have 40 processes at once, and wanted more'] })
    const bomb = await run('b() { b | b & }; b; sleep 1; echo over', { limits: { ...limits, seconds: 2 } })
    expect(bomb.milliseconds).toBeLessThan(15_000)
  })
})

test('a command runs on after the way to the proxy was killed', async () => {
  await run('true')
  const { listProcesses, commandLine } = await import('../os/process.ts')
  const bridges = listProcesses().filter(
    one => one.parent === process.pid && commandLine(one.pid).join(' ').includes('UNIX-LISTEN'),
  )
  expect(bridges.length).toBe(1)
  for (const bridge of bridges) process.kill(bridge.pid, 'SIGKILL')
  expect(await run('echo still here')).toMatchObject({ code: 0, stdout: 'still here\n' })
})

test('many commands at once all run', async () => {
  const all = await Promise.all(Array.from({ length: 16 }, (_, number) => run(`echo ${number}`)))
  expect(all.map(({ stdout }) => Number(stdout))).toEqual(all.map((_, number) => number))
})

describe('without its parts nothing runs', () => {
  const attempt = async (name: string) => {
    const folder = await mkdtemp(join(tmpdir(), 'sp-'))
    try {
      for (const program of ['bash', 'bwrap', 'socat', 'prlimit']) {
        if (program !== name) await symlink(Bun.which(program) ?? '', join(folder, program))
      }
      const broken = createSandbox({
        programs: () => findPrograms(folder, ...(name === 'seccomp' ? ['/nowhere/apply-seccomp'] : [])),
      })
      await shellIn(broken, places, policy)('touch ran')
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  test('bubblewrap, socat, the limits or the seccomp helper', async () => {
    for (const [name, problem] of [
      ['bwrap', 'no command runs: bwrap is not installed'],
      ['socat', 'no command runs: socat is not installed'],
      ['prlimit', 'no command runs: prlimit is not installed'],
      ['seccomp', 'no command runs: the seccomp helper /nowhere/apply-seccomp cannot be run'],
    ] as const) {
      await expect(attempt(name)).rejects.toThrow(problem)
    }
    expect(await Bun.file(join(places.workspace, 'ran')).exists()).toBe(false)
  })
})
