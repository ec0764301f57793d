/** @jsxImportSource hono/jsx */
import type { SecretsOverview } from '../../../runtime/secrets/overview.ts'
import { Mistakes } from '../components/field.tsx'
import type { Frame } from '../components/frame.ts'
import { Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import { Ago } from '../components/time.tsx'
import { urls } from '../urls.ts'
import { SecretForm } from './form.tsx'
import { places } from './words.ts'

export interface SecretsView {
  readonly frame: Frame
  readonly overview: SecretsOverview
  readonly command: string
  /** What the form has, after it was refused: never a value. */
  readonly name: string
  readonly mistakes: readonly string[]
  readonly notice: string | undefined
  readonly now: Date
}

export const SecretsPage = ({ view }: { readonly view: SecretsView }) => {
  const { frame, overview, name, mistakes, notice } = view
  const isEmpty = overview.secrets.length + overview.missing.length === 0
  return (
    <Page frame={frame} title="Secrets" room="secrets" notice={notice}>
      <header class="title">
        <h1>Secrets</h1>
        <p class="lead">
          Passwords and keys that documents name, like <code>secret:DNS_KEY</code>. Values go in here and never come out.
        </p>
      </header>
      <Mistakes sentences={overview.problems.map(({ source, message }) => `${places[source]}: ${message}`)} />
      {isEmpty ? <p class="calm">There are none yet, and no document names one.</p> : <SecretsTable {...view} />}
      <section>
        <h2>Set a secret</h2>
        <SecretForm name={name} fixed={false} mistakes={mistakes} />
      </section>
      <Sharing {...view} />
    </Page>
  )
}

const SecretsTable = ({ overview: { secrets, missing }, now }: SecretsView) => (
  <table class="ledger secrets">
    <thead>
      <tr>
        <th scope="col">State</th>
        <th scope="col">Name</th>
        <th scope="col">Kept in</th>
        <th scope="col">Named by</th>
        <th scope="col" class="num">
          Changed
        </th>
      </tr>
    </thead>
    <tbody>
      {missing.map(({ name, usedBy }) => (
        <tr>
          <td>
            <StateWord state="waiting" word="missing" />
          </td>
          <Name name={name} />
          <td>
            <a class="because" href={urls.secret.to(name)}>
              nowhere: set it
            </a>
          </td>
          <UsedBy places={usedBy} />
          <td class="num">–</td>
        </tr>
      ))}
      {secrets.map(({ name, source, hidden, usedBy, changedAt, refused }) => (
        <tr>
          <td>{refused.length === 0 ? <StateWord state="ready" word="set" /> : <StateWord state="held" word="held back" />}</td>
          <Name name={name} />
          <td>
            {refused.length === 0 ? null : (
              <a class="because" href={urls.secret.to(name)}>
                not sent to {refused.join(', ')}
              </a>
            )}
            {places[source]}
            {hidden.length === 0 ? null : (
              <small title={`hides ${hidden.map(place => places[place]).join(' and ')}`}> hides another</small>
            )}
          </td>
          <UsedBy places={usedBy} />
          <td class="num">{changedAt === undefined ? '–' : <Ago at={changedAt} now={now} />}</td>
        </tr>
      ))}
    </tbody>
  </table>
)

const Name = ({ name }: { readonly name: string }) => (
  <th scope="row">
    <a href={urls.secret.to(name)}>
      <code>{name}</code>
    </a>
  </th>
)

const UsedBy = ({ places: used }: { readonly places: readonly string[] }) => (
  <td class="says" title={used.join('\n')}>
    {used.length === 0 ? <span class="soft">nothing that is declared</span> : used.join(', ')}
  </td>
)

const Sharing = ({ overview: { recipient }, command }: SecretsView) =>
  recipient === undefined ? null : (
    <details class="fold">
      <summary>In a terminal, and shared by several operators</summary>
      <div>
        <p class="lead body">
          The command line takes a value from its standard input. With <code>--shared</code> it goes into{' '}
          <code>secrets.age.yaml</code> of the repository, encrypted for the recipients that are listed there and for this server:
        </p>
        <pre>
          <code>{`${command} secret set DNS_KEY\n${command} secret set DNS_KEY --shared\n${recipient}`}</code>
        </pre>
      </div>
    </details>
  )
