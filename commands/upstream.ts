import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { parseUpstreamUrl, transportOf } from '../desired-state/documents/upstream.ts'
import { type Standing, standingShape } from '../desired-state/upstream-standing.ts'
import { explain } from '../runtime/os/errors.ts'
import type { Home } from '../runtime/os/home.ts'
import { checkedName } from '../runtime/secrets/reference.ts'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, type CommandContext, type ExitStatus, WrongUse } from './command.ts'
import { readSecret } from './read-secret.ts'
import { waitShape } from './shapes.ts'
import { statusLines } from './status.ts'
import { ago, table } from './table.ts'

const text = { type: 'string' } as const
const options = { json: { type: 'boolean' }, url: text, branch: text, token: text, key: text, 'known-hosts': text } as const

export const upstream: Command = {
  name: 'upstream',
  usage:
    'status [--json]\nfetch [--json]\nadopt [COMMIT] [--url URL --branch B --token secret:NAME --key secret:NAME --known-hosts FILE] [--json]\npush [COMMIT] [--json]',
  summary:
    'the repository elsewhere that main is mirrored with: how it stands, ask it now, take what is there, keep what is here',
  async run(args, context) {
    const { values, positionals } = readArguments(args, options, { least: 1, most: 2, missing: 'what to do with the upstream' })
    const [verb, head] = positionals
    if (head !== undefined && !/^[0-9a-f]{7,40}$/.test(head))
      throw new WrongUse(`${head} is no commit: write at least seven digits of one`)
    const { json, ...elsewhere } = values
    if (verb !== 'adopt' && Object.keys(elsewhere).length > 0) throw new WrongUse('--url and what belongs to it is for adopt')
    const { home } = context.environment
    switch (verb) {
      case 'status':
      case 'fetch': {
        if (head !== undefined) throw new WrongUse(`${head} is too much`)
        const now =
          verb === 'status'
            ? await askAppliance(home, 'GET', '/api/upstream', standingShape)
            : await askAppliance(home, 'POST', '/api/upstream/fetch', standingShape, {})
        return tell(now, json === true, context)
      }
      case 'adopt': {
        const from = await fromOf(elsewhere)
        for (const reference of [elsewhere.token, elsewhere.key]) await giveMissing(home, reference)
        const body = { ...(head !== undefined && { head }), ...(from !== undefined && { from }) }
        const answer = z.object({ revision: z.string(), archive: z.string().optional() })
        const { revision, archive } = await askAppliance(home, 'POST', '/api/upstream/adopt', answer, body)
        const kept = archive === undefined ? '' : `; what was main is kept as ${archive}`
        return follow(revision, `main is ${revision.slice(0, 8)} now, as it is there${kept}`, json === true, context)
      }
      case 'push': {
        const body = head === undefined ? {} : { main: head }
        const { revision } = await askAppliance(home, 'POST', '/api/upstream/push', z.object({ revision: z.string() }), body)
        return follow(revision, `${revision.slice(0, 8)} goes there`, json === true, context)
      }
      default:
        throw new WrongUse(`there is no upstream ${verb}`)
    }
  },
}

type Elsewhere = { readonly [Name in 'url' | 'branch' | 'token' | 'key' | 'known-hosts']?: string | undefined }

async function fromOf({ url, branch, token, key, 'known-hosts': file }: Elsewhere): Promise<Record<string, unknown> | undefined> {
  if (url === undefined && [branch, token, key, file].every(value => value === undefined)) return undefined
  if (url === undefined) throw new WrongUse('--branch, --token, --key and --known-hosts belong to --url')
  const parsed = parseUpstreamUrl(url)
  if ('wrong' in parsed) throw new WrongUse(parsed.wrong.replace(/^url /, '--url '))
  if (transportOf(url) === 'ssh' && (key === undefined || file === undefined))
    throw new WrongUse('over ssh it takes --key secret:NAME and --known-hosts FILE, with what ssh-keyscan prints, compared')
  const lines = file === undefined ? undefined : await hostKeys(file)
  const given = { url, branch, token, key, known_hosts: lines }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

async function hostKeys(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(error => {
    throw new WrongUse(`--known-hosts ${file} cannot be read: ${explain(error)}`)
  })
  return text.split('\n').filter(line => /^[^#\s]/.test(line))
}

/** A secret that a fresh server does not have yet: asked for here, so that nobody has to set it in a step of its own. */
async function giveMissing(home: Home, reference: string | undefined): Promise<void> {
  const name = /^secret:([A-Za-z0-9_]+)$/.exec(reference ?? '')?.[1]
  if (name === undefined) return
  const known = await askAppliance(home, 'GET', '/api/secrets', z.object({ secrets: z.array(z.object({ name: z.string() })) }))
  if (known.secrets.some(secret => secret.name === name)) return
  const { value } = await readSecret(checkedName(name))
  // Without one the appliance says what is missing, and how to set it.
  if (value !== '') await askAppliance(home, 'POST', '/api/secrets', z.unknown(), { name, value, shared: false })
}

function tell(now: Standing, json: boolean, { out }: CommandContext): ExitStatus {
  if (json) out(JSON.stringify(now))
  else for (const line of standingLines(now, new Date())) out(line)
  return now.url !== '' && now.problem === undefined && now.head === now.main ? 0 : 1
}

async function follow(
  revision: string,
  headline: string,
  json: boolean,
  { environment, out }: CommandContext,
): Promise<ExitStatus> {
  const query = new URLSearchParams({ revision, timeout: '60' })
  const reached = await askAppliance(environment.home, 'GET', `/api/wait?${query}`, waitShape)
  if (json) out(JSON.stringify(reached))
  else for (const line of [headline, ...statusLines(reached, new Date())]) out(line)
  return reached.converged ? 0 : 1
}

/** How the mirror stands, for a person. */
export function standingLines(standing: Standing, now: Date): string[] {
  const { url, branch, main, head, seenAt, problem, choices, signingKey } = standing
  const key = signingKey === '' ? [] : ['', 'This appliance signs its own commits with', `  ${signingKey}`]
  if (url === '') return ['There is no upstream: write upstream: { url: … } into settings.yaml, and push.', ...key]
  const seen = seenAt === undefined ? 'not reached yet' : `asked ${ago(seenAt, now)} ago`
  return [
    headlineOf(standing),
    '',
    ...table([
      ['here', 'main', main.slice(0, 8) || 'nothing'],
      [url, branch, `${head?.slice(0, 8) ?? 'nothing'}, ${seen}`],
    ]),
    ...(problem === undefined || problem.lines.length === 0 ? [] : ['', ...problem.lines]),
    ...(choices.length === 0
      ? []
      : ['', 'Choose:', ...choices.flatMap(({ command, effect }) => [`  ${command}`, `      ${effect}`])]),
    ...key,
  ]
}

function headlineOf({ problem, unsent, head, main }: Standing): string {
  if (problem !== undefined) return problem.message
  if (head === main) return 'Both sides are the same.'
  return unsent === undefined
    ? 'What is here is on its way there.'
    : `What is here could not be sent there, and is tried again: ${unsent}`
}
