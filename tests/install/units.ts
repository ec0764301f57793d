import type { Machine } from './machine.ts'
import { holds, same } from './steps.ts'

const services = {
  runtime: 'ai-infra',
  nginx: 'ai-infra-nginx',
  postgres: 'ai-infra-postgres',
  redis: 'ai-infra-redis',
  tmux: 'ai-infra-tmux',
}

type Processes = Readonly<Record<keyof typeof services, string>>

/** Main process of every unit. */
export async function processes({ run }: Machine): Promise<Processes> {
  const pid = (unit: string) => run('systemctl', 'show', '--property=MainPID', '--value', unit)
  const { runtime, nginx, postgres, redis, tmux } = services
  return {
    runtime: await pid(runtime),
    nginx: await pid(nginx),
    postgres: await pid(postgres),
    redis: await pid(redis),
    tmux: await pid(tmux),
  }
}

export async function checkHardening({ run, ssh }: Machine): Promise<string> {
  const files = (await run('find', '/etc/systemd/system', '-maxdepth', '1', '-type', 'f', '-name', 'ai-infra*')).split('\n')
  const verified = await ssh('root', ['systemd-analyze', 'verify', ...files])
  same(`${verified.stdout}${verified.stderr}`.trim(), '', 'systemd-analyze verify')
  const exposures: string[] = []
  for (const unit of Object.values(services)) {
    const report = await run('systemd-analyze', 'security', '--no-pager', unit)
    const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(report)?.[1])
    holds(exposure <= 4, `exposure of ${unit} is ${exposure}, more than 4.0`)
    exposures.push(`${unit} ${exposure}`)
  }
  return exposures.join(', ')
}

/** Every process below the appliance's slice belongs to its user. */
export async function checkOwners({ run }: Machine): Promise<string> {
  const lines = (await run('ps', '-e', '-o', 'user:20=,cgroup:200=,args='))
    .split('\n')
    .filter(line => line.includes('/ai.slice/'))
  holds(lines.length >= 5, `only ${lines.length} processes were found below ai-infra.slice`)
  const strangers = lines.filter(line => !line.startsWith('ai-infra '))
  same(strangers, [], 'processes of others in ai-infra.slice')
  return `${lines.length} processes`
}

export async function checkWhatNginxSees(machine: Machine): Promise<void> {
  const { nginx } = await processes(machine)
  const seen = (path: string) => machine.run('nsenter', '--target', nginx, '--mount', '/bin/ls', '-A', path)
  same(
    (await seen('/var/lib/ai-infra')).split('\n').sort(),
    ['logs', 'nginx', 'releases', 'run', 'www'],
    'the appliance, seen by nginx',
  )
  same(await seen('/var/lib/ai-infra/run'), 'nginx', 'run/, seen by nginx')
}
