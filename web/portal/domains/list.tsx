/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { DomainDeclaration } from '../../../desired-state/state.ts'
import type { ResourceStatus } from '../../../reconcilers/engine/status.ts'
import { compact, size } from '../components/amount.ts'
import type { Frame } from '../components/frame.ts'
import { frameRegions, Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import { moment } from '../components/time.tsx'
import type { Place } from '../deps.ts'
import { htmlOf, idFor, liveAddress, type Region, region, rowsOf } from '../live/regions.ts'
import { urls } from '../urls.ts'
import { servesOf } from './serves.ts'
import type { DomainStanding, Visits } from './standing.ts'

export interface DomainsView {
  readonly frame: Frame
  readonly domains: readonly DomainStanding[]
  /** Since when visits are counted; undefined when nobody has come yet. */
  readonly counted: Date | undefined
  readonly place: Place
  readonly mistakes: readonly string[]
  readonly notice: string | undefined
}

export const domainsRegions = (view: DomainsView): readonly Region[] => [
  ...frameRegions(view.frame),
  region('no-domains', <NoDomains none={view.domains.length === 0} cloneCommand={view.place.cloneCommand} />),
  region('domains-head', <TableHead none={view.domains.length === 0} counted={view.counted} />),
  ...view.domains.map(standing => {
    const id = idFor('d', standing.domain.host)
    return region(id, <DomainRow {...standing} id={id} place={view.place} />, { within: 'domains' })
  }),
]

export const DomainsPage = ({ view }: { readonly view: DomainsView }) => {
  const regions = domainsRegions(view)
  return (
    <Page
      frame={view.frame}
      title="Domains"
      room="domains"
      live={liveAddress(urls.domainsLive.to(), regions)}
      notice={view.notice}
    >
      <header class="title row">
        <div>
          <h1>Domains</h1>
          <p class="lead">
            What <code>domains.yaml</code> on main declares. Each change here is a commit on it.
          </p>
        </div>
        <a class="main" href={urls.domainNew.to()}>
          Add a domain
        </a>
      </header>
      {view.mistakes.length === 0 ? null : (
        <ul class="mistakes" role="alert">
          {view.mistakes.map(mistake => (
            <li>{mistake}</li>
          ))}
        </ul>
      )}
      {raw(htmlOf(regions, 'no-domains'))}
      <table class="ledger domains">
        {raw(htmlOf(regions, 'domains-head'))}
        <tbody id="domains">{raw(rowsOf(regions, 'domains'))}</tbody>
      </table>
    </Page>
  )
}

const TableHead = ({ none, counted }: { readonly none: boolean; readonly counted: Date | undefined }) => (
  <thead id="domains-head" {...(none ? { class: 'unseen' } : {})}>
    <tr>
      <th scope="col">State</th>
      <th scope="col">Host</th>
      <th scope="col">Serves</th>
      <th scope="col">Certificate</th>
      <th scope="col">DNS</th>
      <th scope="col" class="num" {...(counted === undefined ? {} : { title: `since ${moment(counted.toISOString())}` })}>
        Requests, 24 h
      </th>
      <th scope="col" class="num">
        <span class="unseen">Edit</span>
      </th>
    </tr>
  </thead>
)

interface DomainRowProps extends DomainStanding {
  readonly id: string
  readonly place: Place
}

const DomainRow = ({ id, domain, site, certificate, dns, visits, place }: DomainRowProps) => (
  <tr id={id}>
    <td>{site === undefined ? <StateWord state="reconciling" word="new" /> : <Standing status={site} />}</td>
    <th scope="row">
      <a href={siteUrl(domain, place)} rel="noreferrer">
        <code>{domain.host}</code>
      </a>
      {domain.aliases.length === 0 ? null : <small title={domain.aliases.join(' ')}> and {domain.aliases.length} more</small>}
    </th>
    <td class="says">
      <code>{servesOf(domain)}</code>
    </td>
    <td class="part-of">
      <CertificateCell tls={domain.tls} {...certificate} />
    </td>
    <td class="part-of">
      <DnsCell {...dns} />
    </td>
    <td class="num visits">
      <VisitsCell {...visits} />
    </td>
    <td class="num">
      <a href={urls.domainEdit.to(domain.host)}>
        edit<span class="unseen"> {domain.host}</span>
      </a>
    </td>
  </tr>
)

interface StandingProps {
  readonly status: ResourceStatus
  /** What it says while it is ready. */
  readonly word?: string
  readonly title?: string
}

const Standing = ({ status: { kind, key, state, message }, word, title }: StandingProps) => (
  <a class="bare" href={urls.resource.to(kind, key)} title={state === 'ready' ? (title ?? '') : message}>
    <StateWord state={state} {...(word !== undefined && state === 'ready' ? { word } : {})} />
  </a>
)

const CertificateCell = ({ tls, status, served }: DomainStanding['certificate'] & { readonly tls: DomainDeclaration['tls'] }) => {
  if (tls === 'none') return <span class="soft">none</span>
  if (status === undefined) return <span>{tls === 'acme' ? 'new' : 'self-signed'}</span>
  if (served === undefined || served.self_signed) return <Standing status={status} />
  return <Standing status={status} word={`${served.days_left} days`} title={`${served.issuer}, until ${moment(served.ends)}`} />
}

const DnsCell = ({ zone, worst }: DomainStanding['dns']) => {
  if (worst !== undefined) return <Standing status={worst} word={zone ?? 'ready'} title={`kept in the zone ${zone}`} />
  return <span class="soft">{zone === undefined ? 'elsewhere' : 'by hand'}</span>
}

const VisitsCell = ({ requests, bytes, errors }: Visits) => (
  <span title={`${requests} requests, ${size(bytes)} sent, ${errors} answered with an error of the server`}>
    {requests === 0 ? '–' : compact(requests)}
    {errors === 0 ? null : <b class="because"> {compact(errors)} failed</b>}
  </span>
)

function siteUrl({ host, tls }: DomainDeclaration, { httpPort, httpsPort }: Place): string {
  if (tls === 'none') return `http://${host}${httpPort === 80 ? '' : `:${httpPort}`}/`
  return `https://${host}${httpsPort === 443 ? '' : `:${httpsPort}`}/`
}

const NoDomains = ({ none, cloneCommand }: { readonly none: boolean; readonly cloneCommand: string }) => (
  <div id="no-domains">
    {none ? (
      <section class="empty">
        <h2>No domain is declared</h2>
        <p>Add one here, or in a terminal:</p>
        <pre>
          <code>{`${cloneCommand} server\ncd server\n$EDITOR domains.yaml\ngit commit -am "my first site" && git push`}</code>
        </pre>
      </section>
    ) : null}
  </div>
)
