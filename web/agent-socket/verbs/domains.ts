import { parse } from 'yaml'
import { z } from 'zod'
import { parseSiteName } from '../../../desired-state/documents/host.ts'
import { removeDomain, setDomain } from '../../../desired-state/edit-domains.ts'
import { documentOf, hostName } from '../../api/domain-input.ts'
import { type ChangeDeps, changeDocument } from './change.ts'
import { type Verb, verb } from './verb.ts'

export const domainsFile = 'domains.yaml'

type Entry = Readonly<Record<string, unknown>>

/** What `domains.yaml` says of a host now; undefined when it is not there. */
export function entryOf(text: string | undefined, host: string): Entry | undefined {
  const document: unknown = text === undefined ? undefined : parse(text)
  const domains = isEntry(document) ? document.domains : undefined
  if (!isEntry(domains)) return undefined
  const name = Object.keys(domains).find(key => {
    const parsed = parseSiteName(key)
    return 'ok' in parsed && parsed.ok === host
  })
  const entry = name === undefined ? undefined : domains[name]
  return isEntry(entry) ? entry : undefined
}

const isEntry = (value: unknown): value is Entry => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Domains as agents change them: commits in their name, judged and converged like everybody's. */
export const domainVerbs = (deps: ChangeDeps): readonly Verb[] => [
  verb('domain.set', {
    input: z.strictObject({ domain: hostName, declaration: z.record(z.string(), z.unknown()) }),
    title: ({ domain }) => `set ${domain}`,
    shown: async ({ domain, declaration }) => ({
      domain,
      declaration,
      before: (await currentEntry(deps, domain)) ?? 'not there',
    }),
    run: ({ domain, declaration }, caller) =>
      changeDocument(
        deps,
        {
          path: domainsFile,
          message: `Set ${domain}`,
          resource: { kind: 'site', key: domain },
          edit: text => setDomain(text, domain, documentOf(declaration)),
        },
        caller,
      ),
  }),

  verb('domain.remove', {
    input: z.strictObject({ domain: hostName }),
    title: ({ domain }) => `remove ${domain}`,
    shown: async ({ domain }) => ({ domain, before: (await currentEntry(deps, domain)) ?? 'not there' }),
    run: ({ domain }, caller) =>
      changeDocument(
        deps,
        {
          path: domainsFile,
          message: `Remove ${domain}`,
          resource: { kind: 'site', key: domain },
          edit: text => (text === undefined ? undefined : removeDomain(text, domain)),
        },
        caller,
      ),
  }),

  verb('status.domains', {
    input: z.strictObject({}),
    title: () => 'list the domains',
    async run() {
      const head = await deps.repository.head()
      const state = head === undefined ? undefined : await deps.repository.read(head)
      if (state === undefined || !state.ok) return { domains: [] }
      return {
        domains: [...state.state.domains.values()].map(({ host, ...domain }) => ({
          domain: host,
          ...domain,
          standing: deps.engine.resource('site', host)?.state ?? 'unknown',
        })),
      }
    },
  }),
]

export async function currentEntry({ repository }: ChangeDeps, host: string): Promise<Entry | undefined> {
  const head = await repository.head()
  return head === undefined ? undefined : entryOf(await repository.file(head, domainsFile), host)
}
