import type { z } from 'zod'
import type { DomainDeclaration, Mistake, Tls } from '../state.ts'
import { nearestWord } from '../suggest.ts'
import type { Path, Source } from '../yaml.ts'
import { check, entriesOf, isMap, type Report, reportOn } from './check.ts'
import { domainSchema, year } from './domain-schema.ts'
import { parseSiteName } from './host.ts'

type Fields = z.output<typeof domainSchema>

export const domainKinds = ['root', 'proxy', 'redirect', 'portal'] as const
type DomainKind = (typeof domainKinds)[number]

const fieldsOfKind: Readonly<Record<DomainKind, readonly (keyof Fields)[]>> = {
  root: ['index', 'not_found', 'cache_seconds', 'deploy'],
  proxy: ['websocket', 'timeout_seconds', 'body_mebibytes'],
  redirect: ['status'],
  portal: [],
}

const mostDomains = 10_000

export interface ParsedDomains {
  readonly domains: ReadonlyMap<string, DomainDeclaration>
  readonly mistakes: readonly Mistake[]
}

/** One domain between its parsing and the checks against all others; `key` is how the document writes its name. */
interface Entry {
  readonly key: string
  readonly host: string | undefined
  readonly aliases: readonly string[]
  readonly declaration: DomainDeclaration | undefined
}

export function parseDomains(source: Source, defaultTls: Tls): ParsedDomains {
  const report = reportOn(source)
  const entries = entriesOf(source, 'domains', mostDomains, 'blog.example.com: { root: blog }', report).map(([key, value]) =>
    parseEntry(key, value, defaultTls, report),
  )
  refuseSharedHosts(entries, report)
  refuseSharedRoots(entries, report)
  const domains = new Map<string, DomainDeclaration>()
  for (const { host, declaration } of entries) {
    if (host !== undefined && declaration !== undefined) domains.set(host, declaration)
  }
  refuseLoops(entries, domains, report)
  refuseClosedSubdomains(entries, report)
  return { domains, mistakes: report.mistakes }
}

function parseEntry(key: string, value: unknown, defaultTls: Tls, report: Report): Entry {
  const path = ['domains', key]
  const parsedHost = parseSiteName(key)
  const host = 'ok' in parsedHost ? parsedHost.ok : undefined
  if ('wrong' in parsedHost) report.say(path, parsedHost.wrong, 'key')
  if (value === null) {
    report.say(path, `${key} says nothing: write what it serves, like { root: blog }`, 'key')
    return { key, host, aliases: [], declaration: undefined }
  }
  const kind = kindOf(value, path, report)
  const fields = check(domainSchema, value, path, report)
  const aliases = fields?.aliases ?? []
  if (fields === undefined || kind === undefined) return { key, host, aliases, declaration: undefined }
  if (kind === 'portal') refuseOpenPortal(fields.tls, defaultTls, path, report)
  const names = [host ?? key, ...aliases]
  const tls = fields.tls ?? defaultTls
  if (kind === 'portal') refuseStarredPortal(names, path, report)
  refuseWithoutAuthority(fields, tls, path, report)
  refuseStarsOverHttp(fields, names, path, report)
  refusePreload(fields, path, report)
  return { key, host, aliases, declaration: declare(common(names, tls, fields), fields) }
}

type Common = Pick<DomainDeclaration, 'host' | 'aliases' | 'tls' | 'challenge' | 'hsts'>

function common([host = '', ...aliases]: readonly string[], tls: Tls, { challenge, hsts }: Fields): Common {
  const inDns = tls === 'acme' && (challenge === 'dns' || [host, ...aliases].some(isStarred))
  return { host, aliases, tls, ...(inDns ? { challenge: 'dns' } : {}), ...(hsts === undefined ? {} : { hsts }) }
}

const isStarred = (name: string) => name.startsWith('*.')

function refuseStarredPortal(names: readonly string[], path: Path, report: Report): void {
  const starred = names.find(isStarred)
  if (starred !== undefined)
    report.say(path, `the portal has names of its own, and ${starred} stands for many: write them out`, 'key')
}

/** What is about an authority's certificate says nothing without one. */
function refuseWithoutAuthority(fields: Fields, tls: Tls, path: Path, report: Report): void {
  if (tls === 'acme') return
  for (const name of ['challenge', 'hsts'] as const) {
    if (fields[name] === undefined) continue
    report.say([...path, name], `${name} goes with tls: acme, and this domain has tls: ${tls}: remove it`, 'key')
  }
}

/** What browsers' list of preloaded names asks for (https://hstspreload.org). */
function refusePreload({ hsts }: Fields, path: Path, report: Report): void {
  if (hsts === undefined || !hsts.preload || (hsts.subdomains && hsts.seconds >= year)) return
  report.say(
    [...path, 'hsts', 'preload'],
    `preload needs include_subdomains: true, and max_age_seconds of at least ${year}: browsers' list takes nothing else`,
  )
}

/** No authority gives one for a star otherwise (RFC 8555, 7.1.3). */
function refuseStarsOverHttp({ challenge }: Fields, names: readonly string[], path: Path, report: Report): void {
  const starred = names.find(isStarred)
  if (challenge !== 'http' || starred === undefined) return
  report.say(
    [...path, 'challenge'],
    `${starred} has a star, and authorities give such a certificate over DNS only: write challenge: dns`,
  )
}

/** The kind of a domain, and a mistake for each field that goes with another. Judges keys only, whatever their values are. */
function kindOf(value: unknown, path: Path, report: Report): DomainKind | undefined {
  if (!isMap(value)) return undefined
  const present = domainKinds.filter(kind => kind in value)
  const [kind, second] = present
  if (kind === undefined) {
    // A misspelt kind has its own sentence, which is the one to read.
    if (Object.keys(value).some(key => !(key in domainSchema.shape) && nearestWord(key, domainKinds) !== undefined))
      return undefined
    report.say(path, `${path[1]} does not say what it serves: write one of root, proxy, redirect or portal`, 'key')
    return undefined
  }
  if (second !== undefined) {
    report.say([...path, second], `${path[1]} has ${present.join(' and ')}: keep one of them`, 'key')
    return undefined
  }
  for (const owner of domainKinds) {
    if (owner === kind) continue
    for (const name of fieldsOfKind[owner]) {
      if (name in value) report.say([...path, name], `${name} goes with ${owner}, and this domain has ${kind}: remove it`, 'key')
    }
  }
  return kind
}

function refuseOpenPortal(tls: Tls | undefined, defaultTls: Tls, path: Path, report: Report): void {
  if ((tls ?? defaultTls) !== 'none') return
  const message = 'the portal is shown over TLS only: write tls: acme, or tls: self-signed'
  if (tls === undefined) report.say([...path, 'portal'], message, 'key')
  else report.say([...path, 'tls'], message)
}

function declare(common: Common, fields: Fields): DomainDeclaration {
  if (fields.proxy !== undefined) {
    return {
      ...common,
      kind: 'proxy',
      upstream: fields.proxy,
      websocket: fields.websocket ?? false,
      timeoutSeconds: fields.timeout_seconds ?? 60,
      bodyMebibytes: fields.body_mebibytes ?? 16,
    }
  }
  if (fields.redirect !== undefined) {
    const { to, keepsPath } = fields.redirect
    return { ...common, kind: 'redirect', to, keepsPath, status: fields.status ?? 301 }
  }
  if (fields.root === undefined) return { ...common, kind: 'portal' }
  return {
    ...common,
    kind: 'static',
    root: fields.root,
    index: fields.index ?? ['index.html'],
    notFound: fields.not_found,
    cacheSeconds: fields.cache_seconds ?? 3600,
    deploy: fields.deploy,
  }
}

function refuseSharedHosts(entries: readonly Entry[], report: Report): void {
  const owners = new Map<string, string>()
  const claim = (host: string, owner: string, path: Path, where: 'key' | 'value') => {
    const other = owners.get(host)
    if (other === undefined) owners.set(host, owner)
    else
      report.say(
        path,
        `${host} ${other === owner ? 'is named twice by' : 'belongs already to'} ${other}: keep it in one place`,
        where,
      )
  }
  for (const { key, host } of entries) {
    if (host !== undefined) claim(host, key, ['domains', key], 'key')
  }
  for (const { key, aliases } of entries) {
    for (const [index, alias] of aliases.entries()) {
      claim(alias, key, ['domains', key, 'aliases', index], 'value')
    }
  }
}

function refuseSharedRoots(entries: readonly Entry[], report: Report): void {
  const owners = new Map<string, string>()
  for (const { key, declaration } of entries) {
    if (declaration?.kind !== 'static') continue
    const owner = owners.get(declaration.root)
    if (owner === undefined) owners.set(declaration.root, key)
    else {
      const wrong = `www/${declaration.root} is served by ${owner} already: choose another root, or make this name an alias of it`
      report.say(['domains', key, 'root'], wrong)
    }
  }
}

function refuseLoops(entries: readonly Entry[], domains: ReadonlyMap<string, DomainDeclaration>, report: Report): void {
  const byName = new Map<string, DomainDeclaration>()
  for (const domain of domains.values()) for (const name of [domain.host, ...domain.aliases]) byName.set(name, domain)
  for (const { key, declaration } of entries) {
    if (declaration?.kind !== 'redirect') continue
    const visited = new Set<DomainDeclaration>()
    let at: DomainDeclaration | undefined = declaration
    while (at?.kind === 'redirect' && !visited.has(at)) {
      visited.add(at)
      const target = new URL(at.to)
      // A port of its own is another server, which may well answer.
      at = target.port === '' ? servedBy(byName, target.hostname.replace(/\.$/, '')) : undefined
    }
    if (at === declaration) {
      const by =
        visited.size > 1
          ? `, by ${[...visited]
              .slice(1)
              .map(domain => domain.host)
              .join(', ')}`
          : ''
      report.say(['domains', key, 'redirect'], `${key} redirects to itself${by}: write another target`)
    }
  }
}

/** Whose name it is, or who has the longest star above it. */
function servedBy(byName: ReadonlyMap<string, DomainDeclaration>, name: string): DomainDeclaration | undefined {
  const exact = byName.get(name)
  if (exact !== undefined) return exact
  for (let at = name; at.includes('.'); ) {
    at = at.slice(at.indexOf('.') + 1)
    const starred = byName.get(`*.${at}`)
    if (starred !== undefined) return starred
  }
  return undefined
}

/** Browsers that were told to insist on TLS for all names below one open none of them without a certificate that they trust. */
function refuseClosedSubdomains(entries: readonly Entry[], report: Report): void {
  const above = new Map<string, string>()
  for (const { key, declaration } of entries) {
    if (declaration?.hsts?.subdomains !== true || declaration.hsts.seconds === 0) continue
    for (const name of [declaration.host, ...declaration.aliases]) above.set(name.replace(/^\*\./, ''), key)
  }
  if (above.size === 0) return
  for (const { key, declaration } of entries) {
    if (declaration === undefined || declaration.tls === 'acme') continue
    const owner = [declaration.host, ...declaration.aliases]
      .map(name => ownerAbove(above, name))
      .find(found => found !== undefined)
    if (owner === undefined) continue
    const message = `${key} has tls: ${declaration.tls}, and browsers would not open it any more because of hsts of ${owner}: give it tls: acme, or take include_subdomains out there`
    report.say(['domains', key], message, 'key')
  }
}

function ownerAbove(above: ReadonlyMap<string, string>, name: string): string | undefined {
  for (let at = name; at.includes('.'); ) {
    at = at.slice(at.indexOf('.') + 1)
    const owner = above.get(at)
    if (owner !== undefined) return owner
  }
  return undefined
}
