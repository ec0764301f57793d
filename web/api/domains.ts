import { z } from 'zod'
import type { DomainDeclaration } from '../../desired-state/state.ts'
import type { ResourceStatus } from '../../reconcilers/engine/status.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Call } from '../door/route.ts'
import type { PortalDeps } from '../portal/deps.ts'
import { withZone } from '../portal/domains/new-zone.ts'
import { servesOf } from '../portal/domains/serves.ts'
import { type DomainStanding, standingsOf } from '../portal/domains/standing.ts'
import { authorOf } from './author.ts'
import { type DocumentedRoute, people, previews, reads, writes } from './define.ts'
import { documentOf, hostName } from './domain-input.ts'
import { type ChangeDocuments, editDocuments, planOfEdit } from './edit-document.ts'
import { list, plan, resourceState } from './shapes/engine.ts'

export type DomainsApiDeps = Pick<PortalDeps, 'repository' | 'engine' | 'editing' | 'certificates' | 'traffic'>

const tag = 'domains'
const file = 'domains.yaml'
const dnsFile = 'dns.yaml'

const part = z.object({ state: resourceState, message: z.string() })

const standing = z
  .object({
    domain: z.string(),
    aliases: list(z.string()),
    serves: z.string().describe('www/blog, a URL, 308 → URL, or this portal'),
    tls: z.enum(['none', 'self-signed', 'acme']),
    site: part.optional(),
    certificate: part
      .extend({ issuer: z.string().optional(), ends: z.string().optional().describe('ISO 8601') })
      .optional()
      .describe('Of an authority; missing where none is obtained'),
    dns: part
      .extend({ zone: z.string().optional() })
      .optional()
      .describe('The record that stands worst of those that lead here; missing where DNS is kept elsewhere'),
    visits: z.object({
      requests: z.int(),
      bytes: z.int().describe('Sent'),
      errors: z.int().describe('Answered with 5xx'),
    }),
  })
  .meta({ id: 'Domain' })

const edited = z.object({
  revision: z.string().describe('The commit that declares it'),
  unchanged: z.boolean().describe('Main declared the same already'),
})

const addBody = z.strictObject({
  domain: hostName,
  declaration: z.record(z.string(), z.unknown()).describe('As in domains.yaml: {"root": "blog", "tls": "acme"}'),
  replace: z.boolean().default(true).describe('False refuses where another declaration of the domain is there already'),
  zone: z
    .strictObject({
      provider: z.string().min(1).describe('Of dns.yaml'),
      name: hostName.optional().describe('The domain without its first part where it is missing'),
    })
    .optional()
    .describe('A zone of dns.yaml that is kept for it from now on, too'),
})

const removeBody = z.strictObject({ domain: hostName })

/** Domains with everything that makes them reachable; each change is a commit on `domains.yaml`, judged like a push. */
export function domainsRoutes(deps: DomainsApiDeps): readonly DocumentedRoute[] {
  const { repository, engine, editing } = deps
  const commit = async (message: string, change: ChangeDocuments, { identity }: Call) => {
    const result = await editDocuments(repository, authorOf(identity), message, change)
    if (!result.unchanged) engine.moved()
    return result
  }
  return [
    reads({
      ...{ path: '/api/domains', policy: people, tag },
      answer: z.object({ domains: list(standing), since: z.string().optional().describe('Visits are counted since then') }),
      summary: 'Domains, their certificates, DNS records and visits of the last day',
      handle: () => listed(deps),
    }),
    writes({
      ...{ path: '/api/domains', policy: people, audit: 'commit', tag, body: addBody, answer: edited },
      summary: 'Add a domain, or replace what is declared for one',
      handle: ({ body, call }) => commit(`domains: set ${body.domain}`, added(editing, body), call),
    }),
    previews({
      ...{ path: '/api/domains/plan', policy: people, tag, body: addBody, answer: plan },
      summary: 'What adding it would do now; changes nothing',
      handle: ({ body }) => planOfEdit(repository, engine, added(editing, body)),
    }),
    writes({
      ...{ path: '/api/domains/remove', policy: people, audit: 'commit', tag, body: removeBody, answer: edited },
      summary: 'Take a domain away; its files move to the archive',
      handle: ({ body: { domain }, call }) => commit(`domains: remove ${domain}`, removed(editing, domain), call),
    }),
    previews({
      ...{ path: '/api/domains/remove/plan', policy: people, tag, body: removeBody, answer: plan },
      summary: 'What taking it away would do now; changes nothing',
      handle: ({ body: { domain } }) => planOfEdit(repository, engine, removed(editing, domain)),
    }),
  ]
}

type Editing = DomainsApiDeps['editing']

const added =
  (editing: Editing, { domain, declaration, replace, zone }: z.output<typeof addBody>): ChangeDocuments =>
  async read => {
    const domains = withDomain(editing, await read(file), domain, documentOf(declaration), replace)
    const dns = zone === undefined ? undefined : zoned(editing, (await read(dnsFile)) ?? '', domain, zone)
    return new Map([...changed(file, domains), ...changed(dnsFile, dns)])
  }

const changed = (path: string, text: string | undefined): [string, string][] => (text === undefined ? [] : [[path, text]])

function withDomain(
  editing: Editing,
  text: string | undefined,
  domain: string,
  entry: Parameters<Editing['set']>[2],
  replace: boolean,
): string | undefined {
  const after = editing.set(text, domain, entry)
  if (after === text) return undefined
  if (replace || text === undefined || editing.remove(text, domain) === undefined) return after
  throw new ApplianceError('invalid', `${domain} is declared already`, {
    hint: 'this would replace all that is declared for it: change it in domains.yaml or in the portal, or add it with --replace',
  })
}

function zoned(
  editing: Editing,
  text: string,
  domain: string,
  { provider, name }: NonNullable<z.output<typeof addBody>['zone']>,
): string {
  const zone = withZone(editing, text, domain, { provider, name })
  if ('after' in zone) return zone.after
  throw new ApplianceError('invalid', zone.wrong, { hint: 'names of a zone that is kept get their records without --zone-at' })
}

const removed =
  (editing: Editing, domain: string): ChangeDocuments =>
  async read => {
    const text = await read(file)
    const after = text === undefined ? undefined : editing.remove(text, domain)
    if (after !== undefined) return new Map([[file, after]])
    throw new ApplianceError('invalid', `${domain} is not declared`, { hint: 'the verb domain list shows what is' })
  }

async function listed({ repository, engine, certificates, traffic }: DomainsApiDeps) {
  const head = await repository.head()
  const parsed = head === undefined ? undefined : await repository.read(head)
  if (parsed === undefined || !parsed.ok) return { domains: [] }
  const visits = await traffic()
  const standings = standingsOf({
    ...{ state: parsed.state, resources: engine.status().resources },
    ...{ certificates: await certificates(), visits: visits.hosts },
  })
  return { domains: standings.map(shown), ...(visits.since === undefined ? {} : { since: visits.since.toISOString() }) }
}

function shown({ domain, site, certificate, dns, visits }: DomainStanding): z.output<typeof standing> {
  const { served, status } = certificate
  const facts = served === undefined || served.self_signed ? {} : { issuer: served.issuer, ends: served.ends }
  return {
    ...declared(domain),
    ...(site === undefined ? {} : { site: briefly(site) }),
    ...(status === undefined ? {} : { certificate: { ...briefly(status), ...facts } }),
    ...(dns.worst === undefined ? {} : { dns: { ...briefly(dns.worst), ...(dns.zone === undefined ? {} : { zone: dns.zone }) } }),
    visits,
  }
}

const declared = (domain: DomainDeclaration) => ({
  domain: domain.host,
  aliases: domain.aliases,
  serves: servesOf(domain),
  tls: domain.tls,
})

const briefly = ({ state, message }: ResourceStatus) => ({ state, message })
