import { z } from 'zod'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, type CommandContext, type ExitStatus, pasteable, WrongUse } from './command.ts'
import { table } from './table.ts'

const certificatesShape = z.array(
  z.object({
    host: z.string(),
    state: z.string(),
    message: z.string(),
    issuer: z.string().optional(),
    ends: z.string().optional(),
    asked: z.object({ action: z.string(), by: z.string(), at: z.string() }).optional(),
  }),
)
type Certificates = z.infer<typeof certificatesShape>

const options = { reason: { type: 'string' }, yes: { type: 'boolean' }, json: { type: 'boolean' } } as const

export const certificate: Command = {
  name: 'certificate',
  usage:
    'list [--json]\nrenew HOST\nrevoke HOST [--reason unspecified|keycompromise|affiliationchanged|superseded|cessationofoperation] --yes',
  summary: 'certificates of authorities; renewed or revoked at once, each with a new key',
  async run(args, context) {
    const { values, positionals } = readArguments(args, options, { least: 1, most: 2, missing: 'what to do with certificates' })
    const [action, host] = positionals
    if (action === 'list' && host === undefined) return list(context, values.json ?? false)
    if (host === undefined) throw new WrongUse('say the certificate of which host')
    if (action === 'renew') return ask(context, host, 'renew', {})
    if (action !== 'revoke') throw new WrongUse(`${action} is nothing that certificate can do`)
    if (!values.yes) {
      context.error(
        `The authority tells the world not to trust the certificate of ${host} any more, for good. Another one with a`,
      )
      context.error('new key takes its place before, where the authority gives one. To do so, add --yes.')
      return 1
    }
    const reason = values.reason === undefined ? {} : { reason: values.reason }
    return ask(context, host, 'revoke', { ...reason, confirm: host })
  },
}

async function list({ environment, out }: CommandContext, json: boolean): Promise<ExitStatus> {
  const certificates = await askAppliance(environment.home, 'GET', '/api/certificates', certificatesShape)
  if (json) out(JSON.stringify(certificates))
  else if (certificates.length === 0) out('No certificate of an authority is declared: write tls: acme in domains.yaml.')
  else for (const line of certificateLines(certificates)) out(line)
  return 0
}

/** One line for each, and below it what is to be said of it. */
export function certificateLines(certificates: Certificates): string[] {
  const rows = certificates.map(({ host, state, ends, issuer, asked }) => [
    ...[host, asked === undefined ? state : `${state}, ${asked.action} asked`],
    ...[ends === undefined ? 'self-signed' : ends.slice(0, 10), issuer ?? ''],
  ])
  const said = certificates.filter(({ message }) => message !== '').map(({ host, message }) => `  ${host}: ${message}`)
  return [...table([['HOST', 'STATE', 'ENDS', 'ISSUER'], ...rows]), ...said]
}

/** Milliseconds between two looks at how it goes, and until nobody watches any more. */
const pause = 500
const patience = 300_000

/** Asks for it, and watches until it is done or in trouble. */
async function ask(
  context: CommandContext,
  host: string,
  action: 'renew' | 'revoke',
  body: Readonly<Record<string, unknown>>,
): Promise<ExitStatus> {
  const { environment, out, error } = context
  const path = `/api/certificates/${encodeURIComponent(host)}/${action}`
  await askAppliance(environment.home, 'POST', path, z.unknown(), body)
  const until = Date.now() + patience
  let said = ''
  while (Date.now() < until) {
    const all = await askAppliance(environment.home, 'GET', '/api/certificates', certificatesShape)
    const now = all.find(one => one.host === host)
    if (now === undefined) break
    if (now.asked === undefined && now.state === 'ready') {
      out(`${host}: ${action === 'renew' ? 'renewed' : 'revoked, and another one serves'}; ${now.message}`)
      return 0
    }
    if (now.message !== said) out(`${host}: ${now.state}: ${now.message}`)
    said = now.message
    if (now.state !== 'reconciling' && now.state !== 'ready') {
      error(`it goes on by itself; to watch: ${pasteable(context)} certificate list`)
      return 1
    }
    await Bun.sleep(pause)
  }
  error(`it takes long, and goes on by itself; to watch: ${pasteable(context)} certificate list`)
  return 1
}
