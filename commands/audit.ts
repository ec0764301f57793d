import { verifyHome } from '../composition/audit.ts'
import { explainFlaw, type Verification } from '../runtime/audit/verify.ts'
import { readArguments } from './arguments.ts'
import { type Command, WrongUse } from './command.ts'

export const audit: Command = {
  name: 'audit',
  usage: 'verify [--key FILE] [--anchor FILE] [--json]',
  summary: 'check the whole audit for lines that were edited, removed, put in, moved or cut off; works while nothing runs',
  async run(args, { environment, out, error }) {
    const options = { json: { type: 'boolean' }, key: { type: 'string' }, anchor: { type: 'string' } } as const
    const { positionals, values } = readArguments(args, options, { least: 1, most: 1, missing: 'what to do: verify' })
    if (positionals[0] !== 'verify') throw new WrongUse(`${positionals[0]} is nothing that audit can do`)
    const result = await verifyHome(environment.home, { key: values.key, anchor: values.anchor })
    if (values.json) out(JSON.stringify(result))
    else for (const line of verificationLines(result)) (result.sound ? out : error)(line)
    return result.sound ? 0 : 1
  },
}

export function verificationLines({ sound, lines, last, anchor, flaws }: Verification): string[] {
  if (!sound)
    return [
      ...flaws.map(explainFlaw),
      `The audit is broken: ${flaws.length === 1 ? 'one flaw' : `${flaws.length} flaws`} in ${lines} lines.`,
    ]
  const noted = anchor === undefined ? '' : `; the note of ${anchor.time} vouches for the first ${anchor.sequence}`
  return [`The audit is whole: ${lines} lines up to ${last.sequence}${noted}.`]
}
