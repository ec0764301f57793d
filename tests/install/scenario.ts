import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkAgentsSandbox } from './agents-sandbox.ts'
import { attachOverSsh } from './attach.ts'
import type { Machine } from './machine.ts'
import type { Outside } from './outside.ts'
import { publishNewerVersion, publishProgram } from './program.ts'
import { push } from './push.ts'
import { steadyRequests } from './steady-requests.ts'
import { holds, type Steps, same } from './steps.ts'
import { checkHardening, checkOwners, checkWhatNginxSees, processes } from './units.ts'

export interface Trial {
  readonly machine: Machine
  readonly outside: Outside
  readonly steps: Steps
  readonly checkout: string
  readonly portalPort: number
}

const site = 'hello.example.com'
const windows = ['supervisor', 'code', 'data', 'infra', 'research', 'qa', 'monitor', 'logs']

export async function tryServerInstall({ machine, outside, steps, checkout, portalPort }: Trial): Promise<void> {
  const { run, ssh } = machine
  const published = join(machine.root, 'srv/program')
  const install = async (...words: readonly string[]) => {
    const script = await readFile(join(published, 'install.sh'), 'utf8')
    const environment = ['env', `AI_INFRA_PORTAL_PORT=${portalPort}`, 'ANTHROPIC_API_KEY=sk-not-a-real-key']
    const { code, stdout, stderr } = await ssh('root', [...environment, 'bash', '-s', '--', ...words], {
      stdin: script,
      timeout: 600_000,
    })
    if (code !== 0) throw new Error(`install.sh ended with status ${code}\n${stdout}\n${stderr}`)
    return stdout
  }
  const fromRepository = ['--repository', 'file:///srv/program'] as const

  await mkdir(published, { recursive: true })
  await publishProgram(checkout, published)

  await steps.promise('curl … | bash with a repository URL installs it', async () => {
    const screen = await install(...fromRepository)
    holds(
      /^git clone ai-infra@\S+:desired-state\.git$/m.test(screen),
      `the clone command is not on a line of its own:\n${screen}`,
    )
  })
  await steps.promise('it has converged, and ai-infra is on the path', async () => {
    const status = JSON.parse(await run('ai-infra', 'status', '--json'))
    same(status.converged, true, 'converged')
    holds(!(await run('ai-infra', 'doctor')).includes('error:'), 'doctor finds an error')
    return `${status.resources.length} resources`
  })
  await steps.promise("nothing of Debian's own was started or enabled", async () => {
    for (const unit of ['nginx', 'redis-server', 'postgresql']) {
      same((await ssh('root', ['systemctl', 'is-enabled', unit])).stdout.trim(), 'disabled', unit)
      same((await ssh('root', ['systemctl', 'is-active', unit])).stdout.trim(), 'inactive', unit)
    }
    same(await run('pg_lsclusters', '--no-header'), '', "Debian's clusters")
  })
  await steps.promise('the settings, with the Claude key, are readable by root alone', async () => {
    same(await run('stat', '-c', '%U %a', '/etc/ai-infra/environment'), 'root 600', 'owner and mode')
    holds(
      (await run('cat', '/etc/ai-infra/environment')).includes('ANTHROPIC_API_KEY="sk-not-a-real-key"'),
      'the key is not there',
    )
  })
  await steps.promise('the units are clean and hardened', () => checkHardening(machine))
  await steps.promise('nothing long-running is root', () => checkOwners(machine))
  await steps.promise('nginx sees web roots, generations, certificates and logs only', () => checkWhatNginxSees(machine))
  await steps.promise('git push over SSH puts a site on port 80', () => pushSite(machine))
  await steps.promise('ssh, then tmux attach: the windows in their order', async () => {
    const listed = await ssh('ai-infra', ['tmux', 'list-windows', '-t', 'ai-infrastructure', '-F', '#{window_name}'])
    same(listed.stdout.trim().split('\n'), windows, 'windows')
    await attachOverSsh(machine, 'AI Infrastructure')
  })
  await steps.promise('an agent works behind its sandbox under the hardened unit', () => checkAgentsSandbox(machine))
  await steps.promise('a push with a zone brings records, and certificates over HTTP and over DNS', () =>
    outside.goPublic(machine, `  ${site}: { root: hello }\n`),
  )
  await steps.promise('it backs itself up, and a restore is tried out, under the hardened unit', () => outside.backUp(machine))
  await steps.promise('a reboot brings all of it back', async () => {
    await machine.reboot()
    await run('ai-infra', 'wait', '--timeout', '60')
    same(await statusOf(site), 200, `status of ${site}`)
    holds(
      !(await run('journalctl', '-b', '-u', 'ai-infra', '-o', 'cat')).includes('! error:'),
      'the runtime complains about the machine',
    )
  })
  await steps.promise('an upgrade drops no request, and restarts neither nginx, Postgres nor tmux', async () => {
    const before = await processes(machine)
    await publishNewerVersion(published, '0.1.1')
    const asking = steadyRequests('http://127.0.0.1:80/', site)
    const screen = await install(...fromRepository).finally(() => asking.stop())
    const { sent, wrong } = await asking.stop()
    const after = await processes(machine)
    holds(
      (await run('readlink', '/opt/ai-infra/current')).startsWith('releases/0.1.1-'),
      `the newer version does not run:\n${screen}`,
    )
    for (const name of ['nginx', 'postgres', 'redis', 'tmux'] as const) same(after[name], before[name], `process of ${name}`)
    holds(after.runtime !== before.runtime, 'the runtime was not restarted')
    same(wrong, [], `answers other than 200 among ${sent}`)
    holds(sent > 20, `only ${sent} requests were made`)
    return `${sent} requests`
  })
  await steps.promise('installing again changes nothing', async () => {
    const before = await processes(machine)
    const screen = await install(...fromRepository)
    holds(screen.includes('restarted: nothing'), screen)
    same(await processes(machine), before, 'processes')
  })
  await steps.promise('uninstall removes the program and keeps the data', async () => {
    const script = await ssh('root', ['/srv/program/install.sh', 'uninstall'], { timeout: 120_000 })
    same(script.code, 0, `status of uninstall (${script.stdout}${script.stderr})`)
    same(await run('ps', '-u', 'ai-infra', '-o', 'args=').catch(() => ''), '', 'processes left')
    for (const path of ['/opt/ai-infra', '/usr/local/bin/ai-infra', '/etc/systemd/system/ai-infra.service']) {
      holds((await ssh('root', ['test', '!', '-e', path])).code === 0, `${path} is still there`)
    }
    await run('test', '-d', '/var/lib/ai-infra/desired-state.git')
    holds((await ssh('ai-infra', ['true'])).code !== 0, 'the copied key still opens ai-infra')
  })
  await steps.promise('installed again, everything is as it was left', async () => {
    await install(...fromRepository)
    same(await statusOf(site), 200, `status of ${site}`)
  })
  await steps.promise('uninstall --purge removes data and user', async () => {
    const { code, stdout, stderr } = await ssh('root', ['/srv/program/install.sh', 'uninstall', '--purge', '--yes'], {
      timeout: 120_000,
    })
    same(code, 0, `status of uninstall --purge (${stdout}${stderr})`)
    for (const path of ['/var/lib/ai-infra', '/etc/ai-infra']) {
      holds((await ssh('root', ['test', '!', '-e', path])).code === 0, `${path} is still there`)
    }
    holds((await ssh('root', ['id', 'ai-infra'])).code !== 0, 'the user is still there')
  })
  await steps.promise('the backup and its password give the server back, with its certificates', async () => {
    await outside.restore(machine)
    await install(...fromRepository)
    same(await statusOf(site), 200, `status of ${site}`)
    await outside.checkCertificates()
  })
}

async function statusOf(host: string): Promise<number> {
  return (await fetch('http://127.0.0.1:80/', { headers: { host }, keepalive: false })).status
}

async function pushSite(machine: Machine): Promise<string> {
  const said = await push(machine, { 'domains.yaml': `domains:\n  ${site}: { root: hello }\n` })
  same(await statusOf(site), 200, `status of ${site} after\n${said.join('\n')}`)
  holds(
    said.some(line => line.includes(site)),
    `the push did not show ${site}:\n${said.join('\n')}`,
  )
  return `${said.length} lines of progress`
}
