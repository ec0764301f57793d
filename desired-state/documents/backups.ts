import type { z } from 'zod'
import type { BackupDeclaration, BackupLocation, GitBackupDeclaration, Mistake, Settings } from '../state.ts'
import type { Path, Source } from '../yaml.ts'
import { backupParts, type backupSchema, backupsSchema, type gitBackupSchema } from './backup-schema.ts'
import { check, isMap, type Report, reportOn } from './check.ts'

const mostBackups = 20
const namePattern = /^[a-z][a-z0-9-]{0,31}$/

export interface ParsedBackups {
  readonly backups: ReadonlyMap<string, BackupDeclaration>
  readonly gitBackups: ReadonlyMap<string, GitBackupDeclaration>
  readonly mistakes: readonly Mistake[]
}

export const noBackups: ParsedBackups = { backups: new Map(), gitBackups: new Map(), mistakes: [] }

export function parseBackups(source: Source, settings: Settings): ParsedBackups {
  const report = reportOn(source)
  const document = check(backupsSchema, withoutEmpty(source.value ?? {}), [], report)
  if (document === undefined) return { ...noBackups, mistakes: report.mistakes }
  const backups = new Map<string, BackupDeclaration>()
  for (const [name, fields] of named(document.backups, 'backups', report)) {
    const location = locationOf(name, fields, ['backups', name], report)
    if (location !== undefined) backups.set(name, declare(name, fields, location, settings))
  }
  const gitBackups = new Map<string, GitBackupDeclaration>()
  for (const [name, fields] of named(document.git, 'git', report)) {
    if (backups.has(name)) report.say(['git', name], `${name} is the name of a backup above already: choose another`, 'key')
    refuseRemote(fields, ['git', name], report)
    gitBackups.set(name, { name, ...fields, schedule: fields.schedule ?? gitSchedules[fields.what] })
  }
  refuseSharedRepositories(backups, report)
  return { backups, gitBackups, mistakes: report.mistakes }
}

/** As the plan has them. */
const gitSchedules = { code: '0 2 * * *', memory: '0 3 * * 0' } as const

function named<Fields>(entries: Readonly<Record<string, Fields>>, key: string, report: Report): [string, Fields][] {
  const all = Object.entries(entries)
  if (all.length > mostBackups) report.say([key], `${key} has ${all.length} entries, and may have ${mostBackups}`, 'key')
  return all.filter(([name]) => {
    if (namePattern.test(name)) return true
    report.say(
      [key, name],
      `${JSON.stringify(name)} cannot name a backup: write a small letter, then small letters, digits or hyphens`,
      'key',
    )
    return false
  })
}

/** A key whose entries are all comments says the same as one that is not there. */
const withoutEmpty = (value: unknown): unknown =>
  isMap(value) ? Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== null)) : value

type Fields = z.output<typeof backupSchema>

function declare(name: string, fields: Fields, location: BackupLocation, settings: Settings): BackupDeclaration {
  return {
    ...{ name, location, password: fields.password },
    accessKey: fields.access_key,
    secretKey: fields.secret_key,
    schedule: fields.schedule ?? settings.backup_schedule,
    jitterMinutes: fields.jitter_minutes,
    what: fields.what === undefined ? backupParts : backupParts.filter(part => fields.what?.includes(part)),
    keep: { ...fields.keep, days: fields.keep.days ?? settings.backup_retention_days },
    drill: fields.drill === 'never' ? undefined : fields.drill,
    checkPercent: fields.check_percent,
    lateAfterHours: fields.late_after_hours,
  }
}

function locationOf(name: string, fields: Fields, path: Path, report: Report): BackupLocation | undefined {
  const { repository, access_key, secret_key, host_key, region } = fields
  const location = parseLocation(repository, host_key, region)
  if (typeof location === 'string') {
    report.say([...path, 'repository'], location)
    return undefined
  }
  const misplaced = (key: 'access_key' | 'host_key' | 'region', types: readonly BackupLocation['type'][]) => {
    if (fields[key] !== undefined && !types.includes(location.type))
      report.say([...path, key], `${key} is for ${types.join(' and ')}, and ${name} is a ${location.type}: remove it`, 'key')
  }
  misplaced('access_key', ['s3', 'rest'])
  misplaced('host_key', ['sftp'])
  misplaced('region', ['s3'])
  if ((access_key === undefined) !== (secret_key === undefined))
    report.say(path, 'access_key and secret_key go together: write both or none', 'key')
  else if (location.type === 's3' && access_key === undefined)
    report.say(path, 'a bucket of s3 wants access_key and secret_key, each as secret:NAME', 'key')
  else if (secret_key !== undefined && goesInTheClear(location))
    report.say([...path, 'repository'], 'a password goes over https only: write rest:https://, or no access_key and secret_key')
  return location
}

/** Whether user and password of a REST server would cross the network for everybody to read. */
export const goesInTheClear = ({ type, repository }: BackupLocation): boolean =>
  type === 'rest' && /^rest:http:\/\/(?!(?:127\.0\.0\.1|localhost|\[::1\])[:/])/i.test(repository)

const unsafe = /[\s\p{Cc}"'\\,]/u

/** What restic is told, apart; or what is wrong with it. */
export function parseLocation(text: string, hostKey?: string, region?: string): BackupLocation | string {
  if (unsafe.test(text)) return 'repository may not have blanks, quotes, commas or backslashes in it'
  const [, scheme = '', rest = ''] = /^([a-z0-9]+):(.*)$/.exec(text) ?? []
  switch (scheme) {
    case '':
      return folderOf(text)
    case 'sftp':
      return sftpOf(text, rest, hostKey)
    case 's3':
    case 'rest':
      return webOf(scheme, text, rest, region)
    default:
      return `repository begins with ${scheme}:, and may be a folder, sftp:, s3: or rest:`
  }
}

function folderOf(text: string): BackupLocation | string {
  if (!text.startsWith('/'))
    return 'repository must be an absolute path, like /srv/backups/atlas, or begin with sftp:, s3: or rest:'
  if (text.split('/').some(part => part === '..' || part === '.')) return 'repository may not have . or .. in its path'
  const folder = text.replace(/\/+/g, '/').replace(/\/$/, '')
  if (folder === '') return 'repository cannot be / itself: name a folder of its own'
  return { type: 'folder', repository: folder }
}

function sftpOf(text: string, rest: string, hostKey: string | undefined): BackupLocation | string {
  const shape = 'write it as sftp:user@host:/path, or sftp://user@host:2222//path'
  const url = /^\/\/([A-Za-z0-9._-]+)@([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?\/(.+)$/.exec(rest)
  const short = /^([A-Za-z0-9._-]+)@([A-Za-z0-9.-]+):(.+)$/.exec(rest)
  const [, user = '', host = ''] = url ?? short ?? []
  if (user === '' || user.startsWith('-') || host.startsWith('-')) return shape
  const port = Number(url?.[3] ?? 22)
  if (port < 1 || port > 65_535) return shape
  if (hostKey === undefined) return 'sftp wants host_key, the public key of the server: ssh-keyscan HOST shows it'
  return { type: 'sftp', repository: text, user, host: host.replace(/^\[|\]$/g, ''), port, hostKey }
}

function webOf(type: 's3' | 'rest', text: string, rest: string, region: string | undefined): BackupLocation | string {
  const address = /^https?:\/\//.test(rest) ? rest : type === 's3' ? `https://${rest}` : rest
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    return type === 's3' ? 'write it as s3:https://HOST/BUCKET/PATH' : 'write it as rest:https://HOST/PATH'
  const url = new URL(address)
  if (url.username !== '' || url.password !== '')
    return 'no user or password in the address: name them with access_key and secret_key, as secret:NAME'
  if (type === 's3' && url.pathname.replaceAll('/', '') === '') return 'name the bucket as well: s3:https://HOST/BUCKET'
  return { type, repository: text, region }
}

function refuseRemote(fields: z.output<typeof gitBackupSchema>, path: Path, report: Report): void {
  const mistake = remoteMistake(fields)
  if (mistake !== undefined) report.say([...path, 'repository'], mistake)
}

function remoteMistake({ repository, token, host_key }: z.output<typeof gitBackupSchema>): string | undefined {
  if (unsafe.test(repository)) return 'repository may not have blanks, quotes, commas or backslashes in it'
  if (repository.startsWith('/')) return undefined
  const url = URL.canParse(repository) ? new URL(repository) : undefined
  if (url === undefined || !['https:', 'http:', 'ssh:'].includes(url.protocol))
    return 'repository must be an https:// or ssh:// address, or an absolute path'
  if (url.password !== '' || (url.username !== '' && url.protocol !== 'ssh:'))
    return 'no user or password in the address: name the token with token: secret:NAME'
  if (url.protocol === 'ssh:' && host_key === undefined)
    return 'ssh wants host_key, the public key of the server: ssh-keyscan HOST shows it'
  if (token !== undefined && url.protocol !== 'https:') return 'a token goes over https only'
  return undefined
}

function refuseSharedRepositories(backups: ReadonlyMap<string, BackupDeclaration>, report: Report): void {
  const seen = new Map<string, string>()
  for (const { name, location } of backups.values()) {
    const other = seen.get(location.repository)
    if (other !== undefined) report.say(['backups', name, 'repository'], `${other} has the same repository: give each its own`)
    seen.set(location.repository, name)
  }
}
