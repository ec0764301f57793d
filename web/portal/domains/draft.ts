import { parse } from 'yaml'
import { parseSiteName } from '../../../desired-state/documents/host.ts'
import type { Edits } from '../../../desired-state/repository.ts'
import type { RevisionPlan } from '../../../reconcilers/engine/status.ts'
import type { PortalDeps } from '../deps.ts'
import { type DomainFields, type Entry, entryOfFields, isEntry } from './entry.ts'
import { type FormMistakes, placeMistakes } from './mistakes.ts'
import { withZone } from './new-zone.ts'

const file = 'domains.yaml'
const dnsFile = 'dns.yaml'

/** A document as the commit would change it; the same before and after where it does not. */
export interface Rewritten {
  readonly path: string
  readonly before: string
  readonly after: string
}

/** What a form asks for. */
export type DomainChange =
  | { readonly what: 'add' | 'change'; readonly fields: DomainFields }
  | { readonly what: 'remove'; readonly host: string }

export type Draft =
  | {
      readonly outcome: 'ready'
      /** The commit that the plan was made on. */
      readonly base: string
      readonly documents: readonly Rewritten[]
      readonly edits: Edits
      readonly plan: RevisionPlan
      readonly message: string
    }
  | { readonly outcome: 'wrong'; readonly mistakes: FormMistakes }

type Sources = Pick<PortalDeps, 'repository' | 'engine' | 'editing'>

/** The commit that a change of one domain would be, with its plan. Writes nothing. */
export async function draftOf({ repository, engine, editing }: Sources, change: DomainChange): Promise<Draft> {
  const base = await repository.head()
  if (base === undefined) return wrong('form', 'There is no commit yet: start the appliance again, which makes the first.')
  const before = (await repository.file(base, file)) ?? ''
  const host = change.what === 'remove' ? change.host : change.fields.host
  const existing = findEntry(before, host)
  if (change.what === 'add' && existing !== undefined) {
    return wrong('host', `${host} is declared already: edit it, or choose another name.`)
  }
  if (change.what !== 'add' && existing === undefined) {
    return wrong('form', `${host} is not declared any more: somebody removed it meanwhile.`)
  }
  if (change.what !== 'remove') {
    const parsed = parseSiteName(host)
    if ('wrong' in parsed) return wrong('host', parsed.wrong)
  }
  const key = existing?.key ?? host
  const after =
    change.what === 'remove'
      ? (editing.remove(before, host) ?? before)
      : editing.set(before, host, entryOfFields(change.fields, existing?.entry))
  const zone = await zoneOf({ repository, editing }, base, change)
  if (zone !== undefined && 'wrong' in zone) return wrong('dns_zone', zone.wrong)
  const documents = [{ path: file, before, after }, ...(zone === undefined ? [] : [zone])]
  const edits: Edits = new Map(documents.map(({ path, after: text }) => [path, text]))
  const preview = await repository.preview(base, edits)
  if (!preview.ok) return { outcome: 'wrong', mistakes: placeMistakes(preview.mistakes, after, key) }
  const verb = { add: 'add', change: 'change', remove: 'remove' }[change.what]
  const plan = await engine.plan(preview.state)
  return { outcome: 'ready', base, documents, edits, plan, message: `domains: ${verb} ${host}` }
}

/** `dns.yaml` with a zone for the domain, where the form asks for one. */
async function zoneOf(
  { repository, editing }: Pick<Sources, 'repository' | 'editing'>,
  base: string,
  change: DomainChange,
): Promise<Rewritten | { readonly wrong: string } | undefined> {
  if (change.what === 'remove' || change.fields.dns_provider === '') return undefined
  const { host, dns_provider: provider, dns_zone: typed } = change.fields
  const before = (await repository.file(base, dnsFile)) ?? ''
  const zone = withZone(editing, before, host, { provider, name: typed === '' ? undefined : typed })
  if ('wrong' in zone) return { wrong: `${zone.wrong}.` }
  return { path: dnsFile, before, after: zone.after }
}

const wrong = (field: keyof FormMistakes, sentence: string): Draft => ({ outcome: 'wrong', mistakes: { [field]: [sentence] } })

/** The entry of a host as the file writes it, whose key may be the international form of the host. */
export function findEntry(text: string, host: string): { readonly key: string; readonly entry: Entry } | undefined {
  const document: unknown = parse(text, { logLevel: 'silent' })
  const domains = isEntry(document) && isEntry(document.domains) ? document.domains : {}
  for (const [key, entry] of Object.entries(domains)) {
    if (key === host || asciiOf(key) === host) return { key, entry: isEntry(entry) ? entry : {} }
  }
  return undefined
}

function asciiOf(key: string): string | undefined {
  const parsed = parseSiteName(key)
  return 'ok' in parsed ? parsed.ok : undefined
}
