import { z } from 'zod'
import { ApplianceError, explain } from '../runtime/os/errors.ts'
import { readArguments } from './arguments.ts'
import { installerUsage, isInstaller, restoreHere } from './backup-restore.ts'
import { askAppliance } from './client.ts'
import { type Command, type CommandContext, type ExitStatus, WrongUse } from './command.ts'
import { harmless } from './harmless.ts'
import { ago, table } from './table.ts'

const run = z.object({
  ...{ id: z.string(), name: z.string(), verb: z.string(), outcome: z.string(), step: z.string(), message: z.string() },
  endedAt: z.string(),
})
const backups = z.array(
  z.looseObject({
    ...{
      name: z.string(),
      type: z.string(),
      repository: z.string(),
      next: z.string(),
      succeededAt: z.string(),
      provenAt: z.string(),
    },
    ...{ doing: z.string(), bytes: z.number(), kept: z.number(), runs: z.array(run) },
  }),
)
const snapshots = z.array(z.object({ snapshot: z.string(), time: z.string(), hostname: z.string(), backup: z.string() }))
const asked = z.object({ run: z.string() })

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const options = {
  ...{ json: flag, 'no-wait': flag },
  ...{ into: text, repository: text, region: text, 'host-key': text, identity: text },
}

export const backup: Command = {
  name: 'backup',
  usage:
    'list [NAME] [--json]\nrun [NAME] [--no-wait] [--json]\nverify [NAME] [--no-wait] [--json]\nrestore NAME [SNAPSHOT] [--into DIR]\nrestore --repository R [SNAPSHOT] [--into DIR]\nkey',
  summary: 'make backups, try them out, and get back what is in them; with --repository also where nothing is yet',
  run: (args, context) => (isInstaller(context.called) ? runForInstaller(args, context) : runVerb(args, context)),
}

/** What is wrong is said in the words that were typed. */
async function runForInstaller(args: readonly string[], context: CommandContext): Promise<ExitStatus> {
  const { called, error } = context
  try {
    if (readArguments(args, options, { least: 0, most: 3 }).values.repository === undefined)
      throw new WrongUse('say where the repository is')
    return await runVerb(args, context)
  } catch (failure) {
    error(`${called} restore: ${explain(failure)}`)
    if (!(failure instanceof WrongUse)) return 1
    for (const line of installerUsage(called)) error(`use: ${line}`)
    return 2
  }
}

async function runVerb(args: readonly string[], context: CommandContext): Promise<ExitStatus> {
  const { positionals, values } = readArguments(args, options, { least: 0, most: 3 })
  const [verb = 'list', ...rest] = positionals
  const json = values.json === true
  switch (verb) {
    case 'list':
      return rest[0] === undefined ? listBackups(context, json) : listSnapshots(context, rest[0], json)
    case 'key':
      return showKey(context)
    case 'run':
    case 'verify':
      return askAll(context, verb, rest, values['no-wait'] !== true)
    case 'restore':
      if (values.repository !== undefined)
        return restoreHere(context, { ...values, repository: values.repository, snapshot: rest[0] })
      return restore(context, rest, values.into, values['no-wait'] !== true)
    default:
      throw new WrongUse(`${verb} is nothing that backup can do`)
  }
}

async function listBackups({ environment, out }: CommandContext, json: boolean): Promise<ExitStatus> {
  const found = await askAppliance(environment.home, 'GET', '/api/backups', backups)
  if (json) out(JSON.stringify(found))
  else for (const line of backupLines(found, new Date())) out(line)
  return 0
}

export function backupLines(found: z.infer<typeof backups>, now: Date): string[] {
  if (found.length === 0) return ['Nothing is backed up: declare a backup in backups.yaml.']
  const since = (iso: string) => (iso === '' ? 'never' : `${ago(iso, now)} ago`)
  const rows = found.map(each => [
    ...[each.name, since(each.succeededAt), each.type === 'git' ? '' : since(each.provenAt)],
    ...[each.type === 'git' ? '' : String(each.kept), each.type === 'git' ? '' : size(each.bytes)],
    each.doing || due(each.next, now),
    harmless(each.repository),
  ])
  return table([['BACKUP', 'LAST', 'PROVEN', 'KEPT', 'SIZE', 'NEXT', 'REPOSITORY'], ...rows])
}

function due(next: string, now: Date): string {
  if (next === '') return 'by hand'
  return Date.parse(next) <= now.getTime() ? 'now' : `${next.slice(0, 16).replace('T', ' ')} UTC`
}

/** `1.2 GB`. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1_000 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`
}

async function listSnapshots({ environment, out }: CommandContext, name: string, json: boolean): Promise<ExitStatus> {
  const found = await askAppliance(environment.home, 'GET', `/api/backups/${encodeURIComponent(name)}/snapshots`, snapshots)
  if (json) out(JSON.stringify(found))
  else if (found.length === 0) out(`There is nothing in ${name} yet.`)
  else {
    const rows = found.map(({ snapshot, time, hostname, backup }) => [
      ...[snapshot, `${time.slice(0, 16).replace('T', ' ')} UTC`, harmless(hostname), harmless(backup)],
    ])
    for (const line of table([['SNAPSHOT', 'TIME', 'HOST', 'BACKUP'], ...rows])) out(line)
  }
  return 0
}

async function showKey({ environment, out }: CommandContext): Promise<ExitStatus> {
  const { key } = await askAppliance(environment.home, 'GET', '/api/backup-key', z.object({ key: z.string() }))
  if (key === '')
    throw new ApplianceError('invalid', 'there is no key yet', {
      hint: 'it is made once a backup over sftp or ssh is declared and pushed; that one waits until the key is let in',
    })
  out(key)
  return 0
}

async function askAll(
  context: CommandContext,
  verb: 'run' | 'verify',
  [name, ...more]: readonly string[],
  wait: boolean,
): Promise<ExitStatus> {
  if (more[0] !== undefined) throw new WrongUse(`${more[0]} is too much`)
  const all = await askAppliance(context.environment.home, 'GET', '/api/backups', backups)
  const names = name === undefined ? all.filter(each => verb === 'run' || each.type === 'restic').map(each => each.name) : [name]
  if (names.length === 0)
    throw new ApplianceError('invalid', 'nothing is backed up', { hint: 'declare a backup in backups.yaml' })
  const runs: string[] = []
  for (const each of names) {
    const path = `/api/backups/${encodeURIComponent(each)}/${verb}`
    runs.push((await askAppliance(context.environment.home, 'POST', path, asked)).run)
  }
  let status: ExitStatus = 0
  for (const id of runs) if ((await follow(context, id, wait)) !== 0) status = 1
  return status
}

async function restore(
  context: CommandContext,
  [name, snapshot]: readonly string[],
  into: string | undefined,
  wait: boolean,
): Promise<ExitStatus> {
  if (name === undefined) throw new WrongUse('say which backup, or where its repository is (--repository)')
  const body = { ...(snapshot === undefined ? {} : { snapshot }), ...(into === undefined ? {} : { into }) }
  const path = `/api/backups/${encodeURIComponent(name)}/restore`
  const answer = await askAppliance(context.environment.home, 'POST', path, asked, body)
  return follow(context, answer.run, wait)
}

/** What was done last, by the name of the step in the journal. */
const stepWords: ReadonlyMap<string, string> = new Map([
  ['begun', 'looks at the repository'],
  ['moment', 'the moment is chosen'],
  ['postgres', 'the database is in'],
  ['noted', 'every ref is noted'],
  ['files', 'the files are in'],
  ['tidied', 'older ones that need not be kept are gone'],
  ['checked', 'the repository is whole'],
  ['restored-files', 'the files are back'],
  ['restored-refs', 'the repositories are back'],
  ['restored-postgres', 'a Postgres is there'],
  ['loaded', 'the database is back'],
  ['restored', 'all is back'],
  ['compared-tables', 'the tables are as they were'],
  ['compared', 'all is as it was'],
  ['whole', 'all is there'],
  ['moved', 'all is in its place'],
])

/** Until it has ended; its steps are told as they are reached. */
async function follow({ environment, out, error }: CommandContext, id: string, wait: boolean): Promise<ExitStatus> {
  let told = ''
  for (;;) {
    const found = await askAppliance(environment.home, 'GET', `/api/backup-runs/${id}`, run)
    if (found.outcome === 'succeeded') {
      out(`${found.name}: ${found.verb} done${found.message === '' ? '' : `: ${harmless(found.message)}`}`)
      return 0
    }
    if (found.endedAt !== '') {
      error(`${found.name}: ${found.verb} ${found.outcome}: ${harmless(found.message)}`)
      return 1
    }
    const now = found.outcome === 'asked' ? 'waits for its turn' : (stepWords.get(found.step) ?? found.step)
    if (now !== told && now !== '') out(`${found.name}: ${now}`)
    told = now
    if (!wait) return 0
    await Bun.sleep(200)
  }
}
