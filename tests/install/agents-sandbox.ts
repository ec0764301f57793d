import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Machine } from './machine.ts'
import { holds, same } from './steps.ts'
import { until } from './until.ts'

const home = '/var/lib/ai-infra'

/** Run in a window of the session, as an agent's process is: in the unit, under its limits. */
const probe = `
import { createSandbox } from '/opt/ai-infra/current/runtime/sandbox/create.ts'
import { sandboxPolicyOf } from '/opt/ai-infra/current/runtime/sandbox/policy.ts'
import { presets } from '/opt/ai-infra/current/desired-state/documents/presets.ts'
import { mkdirSync, writeFileSync } from 'node:fs'
const workspace = '${home}/workspaces/code'
const folder = workspace + '/working/probe'
mkdirSync(folder, { recursive: true })
const places = { workspace, folder, www: '${home}/www', projects: '${home}/projects', logs: '${home}/logs', bun: process.execPath, toolHelper: '/opt/ai-infra/current/agents/tools/inside' }
const sandbox = createSandbox()
const look = 'echo alive > proof; cat proof; ls ${home}/run ${home}/keys /root 2>/dev/null | grep -v -e ":$" -e "^$"; ls /proc | grep -c "^[0-9]"'
const answer = await sandbox.run({ argv: ['bash', '-c', look], cwd: folder }, sandboxPolicyOf(presets[1], places), AbortSignal.timeout(30000)).catch(error => ({ error: String(error) }))
writeFileSync('${home}/probe.json', JSON.stringify(answer))
process.exit(0)
`

/** An agent's command runs behind the boundary also where systemd has hardened the unit around it. */
export async function checkAgentsSandbox({ root, run, ssh }: Machine): Promise<string> {
  await writeFile(join(root, 'srv/probe.ts'), probe)
  const bun = (await run('bash', '-c', 'echo /opt/ai-infra/tools/bun-*/bun')).trim()
  const window = `${bun} --no-env-file --config=/dev/null /srv/probe.ts`
  await ssh('ai-infra', ['tmux', 'new-window', '-d', '-t', 'ai-infrastructure:', '-n', 'probe', window])
  let text = ''
  await until('the sandbox to answer', 30_000, async () => {
    text = (await ssh('root', ['cat', `${home}/probe.json`])).stdout
    return text !== ''
  })
  const answer = JSON.parse(text)
  same(answer.code, 0, `status of the command (${text})`)
  const [first, processes] = answer.stdout.trim().split('\n')
  same(first, 'alive', `what the command saw (${text})`)
  holds(Number(processes) < 20, `the command sees ${processes} processes`)
  return `${processes} processes in sight, ${answer.milliseconds} ms`
}
