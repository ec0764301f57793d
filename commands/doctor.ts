import type { z } from 'zod'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import type { Command } from './command.ts'
import { servicesShape } from './shapes.ts'
import { table } from './table.ts'

export const doctor: Command = {
  name: 'doctor',
  usage: '[--json]',
  summary: 'the services under the appliance, and what is wrong with them',
  async run(args, { environment, out }) {
    const { values } = readArguments(args, { json: { type: 'boolean' } }, { least: 0, most: 0 })
    const services = await askAppliance(environment.home, 'GET', '/api/services', servicesShape)
    if (values.json) out(JSON.stringify(services))
    else for (const line of serviceLines(services)) out(line)
    return services.every(({ state, message }) => state === 'ready' || (state === 'outside' && message === '')) ? 0 : 1
  },
}

function serviceLines(services: z.infer<typeof servicesShape>): string[] {
  return table([
    ['SERVICE', 'STATE', 'PID', 'MESSAGE'],
    ...services.map(({ name, state, pid, message }) => [name, state, String(pid ?? ''), message]),
  ])
}
