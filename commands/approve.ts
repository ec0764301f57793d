import { z } from 'zod'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import type { Command } from './command.ts'

export const approve: Command = {
  name: 'approve',
  usage: 'ID',
  summary: 'let a held plan through, once; status and the push name the ID',
  async run(args, { environment, called, out }) {
    const { positionals } = readArguments(args, {}, { least: 1, most: 1 })
    const id = positionals[0] ?? ''
    await askAppliance(environment.home, 'POST', `/api/approve/${encodeURIComponent(id)}`, z.unknown())
    out(`${id} is approved; ${called} wait shows when it is reached`)
    return 0
  },
}
