/** @jsxImportSource hono/jsx */
import type { DomainDeclaration } from '../../../desired-state/state.ts'
import type { ResourceStatus } from '../../../reconcilers/engine/status.ts'
import type { Frame } from '../components/frame.ts'
import { Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import type { Place } from '../deps.ts'
import { urls } from '../urls.ts'

export interface DomainsView {
  readonly frame: Frame
  readonly domains: readonly DomainDeclaration[]
  /** By host; a domain that is not known to the engine yet is missing. */
  readonly statuses: ReadonlyMap<string, ResourceStatus>
  readonly place: Place
  readonly mistakes: readonly string[]
  readonly notice: string | undefined
}

export const DomainsPage = ({ view }: { readonly view: DomainsView }) => (
  <Page frame={view.frame} title="Domains" room="domains" notice={view.notice}>
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
    {view.domains.length === 0 ? <NoDomains cloneCommand={view.place.cloneCommand} /> : <DomainTable {...view} />}
  </Page>
)

const DomainTable = ({ domains, statuses, place }: DomainsView) => (
  <table class="ledger domains">
    <thead>
      <tr>
        <th scope="col">State</th>
        <th scope="col">Host</th>
        <th scope="col">Serves</th>
        <th scope="col">TLS</th>
        <th scope="col" class="num">
          <span class="unseen">Edit</span>
        </th>
      </tr>
    </thead>
    <tbody>
      {domains.map(domain => (
        <DomainRow domain={domain} status={statuses.get(domain.host)} place={place} />
      ))}
    </tbody>
  </table>
)

interface RowProps {
  readonly domain: DomainDeclaration
  readonly status: ResourceStatus | undefined
  readonly place: Place
}

const DomainRow = ({ domain, status, place }: RowProps) => (
  <tr>
    <td>
      {status === undefined ? (
        <StateWord state="reconciling" word="new" />
      ) : (
        <a class="bare" href={urls.resource.to('site', domain.host)}>
          <StateWord state={status.state} />
        </a>
      )}
    </td>
    <th scope="row">
      <a href={siteUrl(domain, place)} rel="noreferrer">
        <code>{domain.host}</code>
      </a>
      {domain.aliases.length === 0 ? null : <small title={domain.aliases.join(' ')}> and {domain.aliases.length} more</small>}
    </th>
    <td class="says">
      <code>{servesOf(domain)}</code>
    </td>
    <td>{domain.tls}</td>
    <td class="num">
      <a href={urls.domainEdit.to(domain.host)}>
        edit<span class="unseen"> {domain.host}</span>
      </a>
    </td>
  </tr>
)

export function servesOf(domain: DomainDeclaration): string {
  switch (domain.kind) {
    case 'static':
      return domain.deploy === undefined ? `www/${domain.root}` : `www/${domain.root} from ${domain.deploy.repo}`
    case 'proxy':
      return upstreamOf(domain.upstream)
    case 'redirect':
      return `${domain.status} → ${domain.to}`
    case 'portal':
      return 'this portal'
  }
}

function upstreamOf({ protocol, host, port, path }: Extract<DomainDeclaration, { kind: 'proxy' }>['upstream']): string {
  return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`
}

function siteUrl({ host, tls }: DomainDeclaration, { httpPort, httpsPort }: Place): string {
  if (tls === 'none') return `http://${host}${httpPort === 80 ? '' : `:${httpPort}`}/`
  return `https://${host}${httpsPort === 443 ? '' : `:${httpsPort}`}/`
}

const NoDomains = ({ cloneCommand }: { readonly cloneCommand: string }) => (
  <section class="empty">
    <h2>No domain is declared</h2>
    <p>Add one here, or in a terminal:</p>
    <pre>
      <code>{`${cloneCommand} server\ncd server\n$EDITOR domains.yaml\ngit commit -am "my first site" && git push`}</code>
    </pre>
  </section>
)
