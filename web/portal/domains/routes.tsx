/** @jsxImportSource hono/jsx */
import { renderMistake } from '../../../desired-state/state.ts'
import { authorOf } from '../../api/author.ts'
import type { Call, Route } from '../../door/route.ts'
import { ReviewPage } from '../components/review.tsx'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { type Form, readForm } from '../form.ts'
import { frameOf } from '../frame.ts'
import { liveStream } from '../live/stream.ts'
import { noticeOf } from '../notices.ts'
import { subscribeToFrame } from '../overview/routes.tsx'
import { page, seeOther } from '../reply.ts'
import { urls } from '../urls.ts'
import { type DomainChange, type Draft, draftOf, findEntry } from './draft.ts'
import { type DomainFields, emptyFields, fieldsOfEntry, fieldsOfForm } from './entry.ts'
import { DomainFormPage } from './form.tsx'
import { DomainsPage, type DomainsView, domainsRegions } from './list.tsx'
import type { FormMistakes } from './mistakes.ts'
import { dnsNames } from './new-zone.ts'
import { standingsOf } from './standing.ts'
import { textDiff } from './text-diff.ts'

export function domainRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], rateLimit: { requests: 600, seconds: 60 }, audit: false } as const
  const asks = { method: 'POST', policy: ['person'], rateLimit: { requests: 60, seconds: 60 }, audit: false } as const
  return [
    { ...reads, path: urls.domains.path, handle: async call => page(<DomainsPage view={await viewOf(call, deps)} />) },
    {
      ...reads,
      path: urls.domainsLive.path,
      handle: call =>
        liveStream(
          call,
          {
            regions: async () => domainsRegions(await viewOf(call, deps)),
            subscribe: changed => subscribeToFrame(deps, changed),
          },
          deps,
        ),
    },
    { ...reads, path: urls.domainNew.path, handle: call => form(call, deps, emptyFields, false) },
    { ...reads, path: urls.domainEdit.path, handle: call => edit(call, deps) },
    { ...asks, path: urls.domainReview.path, handle: async call => review(call, deps, changeOf(await readForm(call.request))) },
    {
      ...asks,
      path: urls.domainRemove.path,
      handle: call => review(call, deps, { what: 'remove', host: call.params.host ?? '' }),
    },
    { ...asks, path: urls.domainCommit.path, audit: 'commit', handle: call => commit(call, deps) },
  ]
}

async function viewOf(call: Call, deps: PortalDeps): Promise<DomainsView> {
  const head = await deps.repository.head()
  const parsed = head === undefined ? undefined : await deps.repository.read(head)
  const [certificates, traffic] = await Promise.all([deps.certificates(), deps.traffic()])
  const sources = { resources: deps.engine.status().resources, certificates, visits: traffic.hosts }
  return {
    frame: frameOf(call, deps),
    domains: parsed?.ok ? standingsOf({ state: parsed.state, ...sources }) : [],
    counted: traffic.since,
    place: deps.place,
    mistakes: parsed?.ok === false ? parsed.mistakes.map(renderMistake) : [],
    notice: noticeOf(call),
  }
}

async function form(
  call: Call,
  deps: PortalDeps,
  fields: DomainFields,
  existing: boolean,
  mistakes: FormMistakes = {},
): Promise<Response> {
  const head = await deps.repository.head()
  const dns = dnsNames((head === undefined ? undefined : await deps.repository.file(head, 'dns.yaml')) ?? '')
  const view = { frame: frameOf(call, deps), fields, existing, mistakes, dns }
  return page(<DomainFormPage view={view} />, Object.keys(mistakes).length > 0 ? 422 : 200)
}

async function edit(call: Call, deps: PortalDeps): Promise<Response> {
  const host = call.params.host ?? ''
  const head = await deps.repository.head()
  const text = head === undefined ? undefined : await deps.repository.file(head, 'domains.yaml')
  const found = findEntry(text ?? '', host)
  if (found === undefined) return missing(call, deps, 'No such domain is declared.')
  return form(call, deps, fieldsOfEntry(host, found.entry), true)
}

function changeOf(posted: Form): DomainChange {
  if (posted.get('what') === 'remove') return { what: 'remove', host: posted.get('host') }
  return { what: posted.get('existing') === '' ? 'add' : 'change', fields: fieldsOfForm(posted) }
}

async function review(call: Call, deps: PortalDeps, change: DomainChange, again?: string): Promise<Response> {
  const draft = await draftOf(deps, change)
  if (draft.outcome === 'wrong') return refused(call, deps, change, draft.mistakes)
  return reviewPage(call, deps, change, draft, again)
}

async function refused(call: Call, deps: PortalDeps, change: DomainChange, mistakes: FormMistakes): Promise<Response> {
  if (change.what !== 'remove') return form(call, deps, change.fields, change.what === 'change', mistakes)
  return missing(call, deps, Object.values(mistakes).flat().join(' '))
}

const titles = { add: 'Add', change: 'Change', remove: 'Remove' } as const

function reviewPage(
  call: Call,
  deps: PortalDeps,
  change: DomainChange,
  draft: Extract<Draft, { outcome: 'ready' }>,
  again: string | undefined,
): Response {
  const host = change.what === 'remove' ? change.host : change.fields.host
  const view = {
    frame: frameOf(call, deps),
    room: 'domains' as const,
    up: { label: 'domains', to: urls.domains.to() },
    title: `${titles[change.what]} ${host}`,
    plan: draft.plan,
    diff: draft.documents
      .map(({ path, before, after }) => textDiff(path, before, after))
      .filter(Boolean)
      .join('\n'),
    again,
    action: urls.domainCommit.to(),
    hidden: { ...hiddenOf(change), base: draft.base, digest: draft.plan.digest },
    decision: change.what === 'remove' ? 'Remove it' : 'Commit and apply',
    destructive: change.what === 'remove',
    back: change.what === 'add' ? urls.domains.to() : urls.domainEdit.to(host),
  }
  return page(<ReviewPage {...view} />, again === undefined ? 200 : 409)
}

function hiddenOf(change: DomainChange): Readonly<Record<string, string>> {
  if (change.what === 'remove') return { what: 'remove', host: change.host }
  const { websocket, ...texts } = change.fields
  return { ...texts, websocket: websocket ? 'yes' : '', existing: change.what === 'change' ? 'yes' : '' }
}

/** Makes the commit, if main and the plan are still those that the person has seen. */
async function commit(call: Call, deps: PortalDeps): Promise<Response> {
  const posted = await readForm(call.request)
  const change = changeOf(posted)
  const draft = await draftOf(deps, change)
  if (draft.outcome === 'wrong') return refused(call, deps, change, draft.mistakes)
  if (draft.base !== posted.get('base') || draft.plan.digest !== posted.get('digest')) {
    const again = 'Main or the server has changed since this plan was made. This is the plan now: look at it again.'
    return reviewPage(call, deps, change, draft, again)
  }
  const result = await deps.repository.edit(draft.base, draft.edits, authorOf(call.identity), draft.message)
  switch (result.outcome) {
    case 'committed':
      deps.engine.moved()
      return seeOther(urls.change.to(result.revision))
    case 'unchanged':
      return seeOther(urls.domains.to())
    case 'refused':
      return refused(call, deps, change, { form: result.mistakes.map(renderMistake) })
    case 'conflict':
      return review(call, deps, change, 'Somebody else committed at the same moment. This is the plan now: look at it again.')
  }
}
