import type { z } from 'zod'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import type { Command } from './command.ts'
import { statusShape } from './shapes.ts'
import { ago, table } from './table.ts'

export const status: Command = {
  name: 'status',
  usage: '[--json]',
  summary: 'every resource with its state and why',
  async run(args, { environment, out }) {
    const { values } = readArguments(args, { json: { type: 'boolean' } }, { least: 0, most: 0 })
    const now = await askAppliance(environment.home, 'GET', '/api/status', statusShape)
    if (values.json) out(JSON.stringify(now))
    else for (const line of statusLines(now, new Date())) out(line)
    return now.converged ? 0 : 1
  },
}

/** A longer message is said at the first resource that has it, like six agents without a key. */
const longestRepeated = 40

export function statusLines(status: z.infer<typeof statusShape>, now: Date): string[] {
  const headline = headlineOf(status)
  const said = new Map<string, string>()
  const rows = status.resources.map(({ state, kind, key, since, message }) => {
    const name = `${kind}/${key}`
    const first = said.get(message)
    if (first === undefined && message.length > longestRepeated) said.set(message, name)
    return [state, name, ago(since, now), first === undefined ? message : `as ${first}`]
  })
  return [headline, '', ...table([['STATE', 'RESOURCE', 'SINCE', 'MESSAGE'], ...rows])]
}

const short = (revision: string) => revision.slice(0, 8) || 'nothing yet'

function headlineOf(status: z.infer<typeof statusShape>): string {
  const { converged, desired, revision } = status
  if (converged) return `The server is as ${short(desired)} declares${exceptSuspended(status)}.`
  // It was carried out once, and something is amiss since.
  if (desired === revision) return `The server is not as ${short(desired)} declares any more.`
  return `The server is not yet as ${short(desired)} declares (last verified: ${short(revision)}).`
}

function exceptSuspended({ resources }: z.infer<typeof statusShape>): string {
  const { length } = resources.filter(({ state }) => state === 'suspended')
  return length === 0 ? '' : `, except for ${length === 1 ? 'one that is' : `${length} that are`} suspended`
}
