import type { Form } from '../form.ts'

export type DomainKind = 'root' | 'proxy' | 'redirect' | 'portal'

export const domainKinds: readonly DomainKind[] = ['root', 'proxy', 'redirect', 'portal']

/** The form of one domain, as typed. */
export interface DomainFields {
  readonly host: string
  readonly kind: DomainKind
  readonly aliases: string
  readonly tls: string
  /** Empty, `http` or `dns`. */
  readonly challenge: string
  /** Empty, `year`, or `written` for what the file says and the form has no choice for. */
  readonly hsts: string
  readonly root: string
  readonly deploy_repo: string
  readonly deploy_branch: string
  readonly deploy_directory: string
  readonly proxy: string
  readonly websocket: boolean
  readonly timeout_seconds: string
  readonly redirect: string
  readonly status: string
  /** Provider of dns.yaml that is to keep a zone for it; empty leaves dns.yaml as it is. */
  readonly dns_provider: string
  readonly dns_zone: string
}

export type FieldName = keyof DomainFields

/** One entry of `domains:` as YAML gives it. */
export type Entry = Readonly<Record<string, unknown>>

export const emptyFields: DomainFields = {
  host: '',
  kind: 'root',
  aliases: '',
  tls: '',
  challenge: '',
  hsts: '',
  root: '',
  deploy_repo: '',
  deploy_branch: '',
  deploy_directory: '',
  proxy: '',
  websocket: false,
  timeout_seconds: '',
  redirect: '',
  status: '',
  dns_provider: '',
  dns_zone: '',
}

export function fieldsOfForm(form: Form): DomainFields {
  const { get } = form
  return {
    host: get('host'),
    kind: domainKinds.find(kind => kind === get('kind')) ?? 'root',
    aliases: get('aliases'),
    tls: get('tls'),
    challenge: get('challenge'),
    hsts: get('hsts'),
    root: get('root'),
    deploy_repo: get('deploy_repo'),
    deploy_branch: get('deploy_branch'),
    deploy_directory: get('deploy_directory'),
    proxy: get('proxy'),
    websocket: get('websocket') !== '',
    timeout_seconds: get('timeout_seconds'),
    redirect: get('redirect'),
    status: get('status'),
    dns_provider: get('dns_provider'),
    dns_zone: get('dns_zone'),
  }
}

export function fieldsOfEntry(host: string, entry: Entry): DomainFields {
  const text = (name: string, from: Entry = entry) => (from[name] === undefined ? '' : String(from[name]))
  const deploy = isEntry(entry.deploy) ? entry.deploy : {}
  return {
    host,
    kind: domainKinds.find(kind => entry[kind] !== undefined) ?? 'root',
    aliases: Array.isArray(entry.aliases) ? entry.aliases.join(' ') : '',
    tls: text('tls'),
    challenge: text('challenge'),
    hsts: entry.hsts === undefined ? '' : entry.hsts === true ? 'year' : 'written',
    root: text('root'),
    deploy_repo: text('repo', deploy),
    deploy_branch: text('branch', deploy),
    deploy_directory: text('directory', deploy),
    proxy: text('proxy'),
    websocket: entry.websocket === true,
    timeout_seconds: text('timeout_seconds'),
    redirect: text('redirect'),
    status: text('status'),
    dns_provider: '',
    dns_zone: '',
  }
}

/** What belongs to each kind and has no field in the form: it is kept as it stands in the file. */
const keptOf: Record<DomainKind, readonly string[]> = {
  root: ['index', 'not_found', 'cache_seconds'],
  proxy: ['body_mebibytes'],
  redirect: [],
  portal: [],
}

/** The entry that the form means. Whether it is right is for the parser to say, in the words that a push would get. */
export function entryOfFields(fields: DomainFields, before: Entry = {}): Entry {
  const aliases = fields.aliases.split(/[\s,]+/).filter(Boolean)
  const kept = keptOf[fields.kind].filter(name => before[name] !== undefined).map(name => [name, before[name]])
  return {
    ...ofKind(fields),
    ...Object.fromEntries(kept),
    ...(aliases.length > 0 ? { aliases } : {}),
    ...(fields.tls === '' ? {} : { tls: fields.tls }),
    ...(fields.challenge === '' ? {} : { challenge: fields.challenge }),
    ...hstsOf(fields, before),
  }
}

function ofKind(fields: DomainFields): Entry {
  switch (fields.kind) {
    case 'root':
      return { root: fields.root, ...deployOf(fields) }
    case 'proxy':
      return { proxy: fields.proxy, ...(fields.websocket ? { websocket: true } : {}), ...numeric('timeout_seconds', fields) }
    case 'redirect':
      return { redirect: fields.redirect, ...numeric('status', fields) }
    case 'portal':
      return { portal: true }
  }
}

function hstsOf({ hsts }: DomainFields, before: Entry): Entry {
  if (hsts === '') return {}
  return { hsts: hsts === 'written' ? before.hsts : true }
}

function deployOf({ deploy_repo: repo, deploy_branch: branch, deploy_directory: directory }: DomainFields): Entry {
  if (repo + branch + directory === '') return {}
  return { deploy: { repo, ...(branch === '' ? {} : { branch }), ...(directory === '' ? {} : { directory }) } }
}

/** A number where it is one; else the text as typed, for the parser to refuse. */
function numeric(name: 'timeout_seconds' | 'status', fields: DomainFields): Entry {
  const text = fields[name]
  if (text === '') return {}
  return { [name]: /^\d{1,9}$/.test(text) ? Number(text) : text }
}

export const isEntry = (value: unknown): value is Entry => typeof value === 'object' && value !== null && !Array.isArray(value)
