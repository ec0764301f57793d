import type { z } from 'zod'
import { ApplianceError } from '../runtime/os/errors.ts'
import { type Finding, preflight } from '../runtime/services/preflight.ts'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import type { Command } from './command.ts'
import { servicesShape } from './shapes.ts'
import { table } from './table.ts'

type Services = z.infer<typeof servicesShape>

export const doctor: Command = {
  name: 'doctor',
  usage: '[--json]',
  summary: 'the machine and the services under the appliance, and what is wrong with them',
  async run(args, { environment, out }) {
    const { values } = readArguments(args, { json: { type: 'boolean' } }, { least: 0, most: 0 })
    const [findings, services] = await Promise.all([
      preflight(environment),
      servicesOf(() => askAppliance(environment.home, 'GET', '/api/services', servicesShape)),
    ])
    if (values.json) out(JSON.stringify({ running: services !== undefined, findings, services: services ?? [] }))
    else for (const line of doctorLines(findings, services)) out(line)
    const broken = findings.some(({ severity }) => severity === 'error') || services?.every(isWell) !== true
    return broken ? 1 : 0
  },
}

/** Undefined when no appliance answers. */
async function servicesOf(ask: () => Promise<Services>): Promise<Services | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof ApplianceError && error.kind === 'failed') return undefined
    throw error
  }
}

const isWell = ({ state, message }: Services[number]): boolean => state === 'ready' || (state === 'outside' && message === '')

function doctorLines(findings: readonly Finding[], services: Services | undefined): string[] {
  const rows = services?.map(({ name, state, pid, message }) => [name, state, String(pid ?? ''), message]) ?? []
  return [
    ...(findings.length === 0 ? ['The machine is fit.'] : findings.map(findingLine)),
    '',
    ...(services === undefined ? ['No appliance is running here.'] : table([['SERVICE', 'STATE', 'PID', 'MESSAGE'], ...rows])),
  ]
}

export const findingLine = ({ severity, message, hint }: Finding): string => `${severity}: ${message}; ${hint}`
