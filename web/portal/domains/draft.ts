import { parse } from 'yaml'
import { parseHost } from '../../../desired-state/documents/host.ts'
import type { Edits } from '../../../desired-state/repository.ts'
import type { RevisionPlan } from '../../../reconcilers/engine/status.ts'
import type { PortalDeps } from '../deps.ts'
import { type DomainFields, type Entry, entryOfFields, isEntry } from './entry.ts'
import { type FormMistakes, placeMistakes } from './mistakes.ts'

const file = 'domains.yaml'

/** What a form asks for. */
export type DomainChange =
  | { readonly what: 'add' | 'change'; readonly fields: DomainFields }
  | { readonly what: 'remove'; readonly host: string }

export type Draft =
  | {
      readonly outcome: 'ready'
      /** The commit that the plan was made on. */
      readonly base: string
      readonly before: string
      readonly after: string
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
    const parsed = parseHost(host)
    if ('wrong' in parsed) return wrong('host', parsed.wrong)
  }
  const key = existing?.key ?? host
  const after =
    change.what === 'remove'
      ? (editing.remove(before, host) ?? before)
      : editing.set(before, host, entryOfFields(change.fields, existing?.entry))
  const edits: Edits = new Map([[file, after]])
  const preview = await repository.preview(base, edits)
  if (!preview.ok) return { outcome: 'wrong', mistakes: placeMistakes(preview.mistakes, after, key) }
  const verb = { add: 'add', change: 'change', remove: 'remove' }[change.what]
  const plan = await engine.plan(preview.state)
  return { outcome: 'ready', base, before, after, edits, plan, message: `domains: ${verb} ${host}` }
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
  const parsed = parseHost(key)
  return 'ok' in parsed ? parsed.ok : undefined
}
