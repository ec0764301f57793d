import { z } from 'zod'
import { readArguments, readResource } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, WrongUse } from './command.ts'

const suspensionShape = z.object({ kind: z.string(), key: z.string(), reason: z.string(), owner: z.string(), until: z.string() })

export const suspend: Command = {
  name: 'suspend',
  usage: 'KIND/KEY --for D --reason R [--json]',
  summary: 'leave a resource alone for a while, like 30m or 2h',
  async run(args, { environment, out }) {
    const options = { for: { type: 'string' }, reason: { type: 'string' }, json: { type: 'boolean' } } as const
    const { values, positionals } = readArguments(args, options, {
      least: 1,
      most: 1,
      missing: 'which resource: status lists them, like site/blog.example.com',
    })
    if (values.for === undefined || values.reason === undefined)
      throw new WrongUse('say how long (--for 2h) and why (--reason "…")')
    const body = { ...readResource(positionals[0]), for: values.for, reason: values.reason }
    const suspension = await askAppliance(environment.home, 'POST', '/api/suspend', suspensionShape, body)
    out(
      values.json
        ? JSON.stringify(suspension)
        : `${positionals[0]} is left alone until ${suspension.until.slice(0, 16).replace('T', ' ')} UTC`,
    )
    return 0
  },
}

export const resume: Command = {
  name: 'resume',
  usage: 'KIND/KEY',
  summary: 'end a suspension',
  async run(args, { environment, out }) {
    const { positionals } = readArguments(
      args,
      {},
      { least: 1, most: 1, missing: 'which resource: status lists them, like site/blog.example.com' },
    )
    await askAppliance(environment.home, 'POST', '/api/resume', z.unknown(), readResource(positionals[0]))
    out(`${positionals[0]} is kept as declared again`)
    return 0
  },
}
