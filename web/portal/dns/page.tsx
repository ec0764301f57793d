/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { z } from 'zod'
import type { dayShape, recordShape, zoneShape } from '../../api/dns.ts'
import { resourceState } from '../../api/shapes/engine.ts'
import { compact, size } from '../components/amount.ts'
import { Title } from '../components/facts.tsx'
import type { Frame } from '../components/frame.ts'
import { frameRegions, Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import { htmlOf, idFor, liveAddress, type Region, region, rowsOf } from '../live/regions.ts'
import { urls } from '../urls.ts'

type Zone = z.output<typeof zoneShape>
type Entry = z.output<typeof recordShape>
type Day = z.output<typeof dayShape>

const State = ({ state }: { readonly state: string }) => <StateWord state={resourceState.catch('waiting').parse(state)} />

export interface ZonesView {
  readonly frame: Frame
  readonly zones: readonly Zone[]
}

export const zonesRegions = ({ frame, zones }: ZonesView): readonly Region[] => [
  ...frameRegions(frame),
  region('zones', <Zones zones={zones} />),
  region('problems', <Problems sentences={zones.flatMap(({ problems }) => problems)} />),
]

export const DnsPage = ({ view }: { readonly view: ZonesView }) => {
  const regions = zonesRegions(view)
  return (
    <Page frame={view.frame} title="DNS" room="dns" live={liveAddress(urls.dnsLive.to(), regions)}>
      <header class="title">
        <h1>DNS</h1>
        <p class="lead">
          Zones that <code>dns.yaml</code> declares. Names of sites get their records by themselves.
        </p>
      </header>
      {raw(htmlOf(regions, 'zones'))}
      {raw(htmlOf(regions, 'problems'))}
    </Page>
  )
}

const Zones = ({ zones }: { readonly zones: readonly Zone[] }) => (
  <div id="zones">
    {zones.length === 0 ? (
      <p class="calm">No zone is kept from here: DNS is yours. Write one into dns.yaml to change that.</p>
    ) : (
      <table class="ledger zones">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Zone</th>
            <th scope="col">Kept at</th>
            <th scope="col" class="num">
              Records
            </th>
            <th scope="col" class="num">
              Settings
            </th>
          </tr>
        </thead>
        <tbody>
          {zones.map(({ zone, provider, type, records, settings, state }) => (
            <tr>
              <td>
                <State state={state} />
              </td>
              <th scope="row">
                <a class="name" href={urls.dnsZone.to(zone)}>
                  {zone}
                </a>
              </th>
              <td>{type === 'cloudflare' ? `Cloudflare (${provider})` : `${provider}, by dynamic update`}</td>
              <td class="num">{records}</td>
              <td class="num">{settings}</td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
  </div>
)

const mostProblems = 20

/** An element in any case, so that what is not ready can come and go while the page is open. */
const Problems = ({ sentences }: { readonly sentences: readonly string[] }) => (
  <section id="problems" hidden={sentences.length === 0}>
    <h2>Not ready</h2>
    <ul>
      {sentences.slice(0, mostProblems).map(sentence => (
        <li>{sentence}</li>
      ))}
    </ul>
    {sentences.length > mostProblems ? <p>… and {sentences.length - mostProblems} more.</p> : null}
  </section>
)

export interface ZoneView {
  readonly frame: Frame
  readonly zone: Zone
  readonly entries: readonly Entry[]
  /** Days of Cloudflare's count, or why there are none; undefined for a zone that is elsewhere. */
  readonly traffic: readonly Day[] | string | undefined
}

const mostEntries = 500

/** Without the traffic, which does not change while somebody looks. */
export const zoneRegions = ({ frame, zone, entries }: Omit<ZoneView, 'traffic'>): readonly Region[] => [
  ...frameRegions(frame),
  region('zone', <Summary zone={zone} />),
  region('problems', <Problems sentences={zone.problems} />),
  ...entries.slice(0, mostEntries).map(entry => {
    const id = idFor('r', `${entry.kind} ${entry.key}`)
    return region(id, <EntryRow id={id} {...entry} />, { within: 'records' })
  }),
]

export const ZonePage = ({ view }: { readonly view: ZoneView }) => {
  const { frame, zone, entries, traffic } = view
  const regions = zoneRegions(view)
  return (
    <Page frame={frame} title={zone.zone} room="dns" live={liveAddress(urls.dnsZoneLive.to(zone.zone), regions)}>
      <Title up={{ label: 'DNS', to: urls.dns.to() }} title={zone.zone} machine>
        {raw(htmlOf(regions, 'zone'))}
      </Title>
      {raw(htmlOf(regions, 'problems'))}
      {traffic === undefined ? null : <Traffic days={traffic} />}
      <section>
        <h2>Kept from here</h2>
        <table class="ledger records">
          <thead>
            <tr>
              <th scope="col">State</th>
              <th scope="col">Name</th>
              <th scope="col">Kept for</th>
              <th scope="col">Value</th>
            </tr>
          </thead>
          <tbody id="records">{raw(rowsOf(regions, 'records'))}</tbody>
        </table>
        {entries.length > mostEntries ? <p>… and {entries.length - mostEntries} more.</p> : null}
      </section>
    </Page>
  )
}

const Summary = ({ zone }: { readonly zone: Zone }) => (
  <p id="zone" class="lead">
    <State state={zone.state} /> {zone.records} records, {zone.settings} settings, kept by {zone.provider}.
  </p>
)

const EntryRow = ({ id, kind, key, state, values, proxied, message }: Entry & { readonly id: string }) => (
  <tr id={id}>
    <td>
      <State state={state} />
    </td>
    <th scope="row">
      <a class="name" href={urls.resource.to(kind, key)}>
        {key}
      </a>
    </th>
    <td>{kind === 'site-record' ? 'a site' : 'dns.yaml'}</td>
    <td>
      {state !== 'ready' && message !== '' ? message : `${values.join(', ')}${proxied === true ? ' (through Cloudflare)' : ''}`}
    </td>
  </tr>
)

const Traffic = ({ days }: { readonly days: readonly Day[] | string }) => (
  <section>
    <h2>Traffic and threats, as Cloudflare counts them</h2>
    {typeof days === 'string' ? (
      <p class="calm">{days}</p>
    ) : (
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Day</th>
            {['Requests', 'Cached', 'Sent', 'Threats', 'Visitors'].map(label => (
              <th scope="col">{label}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {days.map(({ date, requests, cached_requests, bytes, threats, visitors }) => (
            <tr>
              <th scope="row">{date}</th>
              <td>{compact(requests)}</td>
              <td>{compact(cached_requests)}</td>
              <td>{size(bytes)}</td>
              <td>{compact(threats)}</td>
              <td>{compact(visitors)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
  </section>
)
