/** @jsxImportSource hono/jsx */
import type { SecretsOverview } from '../../../runtime/secrets/overview.ts'
import { Fact, Title } from '../components/facts.tsx'
import { TextField } from '../components/field.tsx'
import type { Frame } from '../components/frame.ts'
import { Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import { Ago } from '../components/time.tsx'
import { urls } from '../urls.ts'
import { SecretForm } from './form.tsx'
import { elsewhere, places } from './words.ts'

export interface SecretView {
  readonly frame: Frame
  readonly name: string
  /** Undefined: it is not set. */
  readonly entry: SecretsOverview['secrets'][number] | undefined
  readonly usedBy: readonly string[]
  readonly mistakes: readonly string[]
  readonly now: Date
}

export const SecretPage = ({ view }: { readonly view: SecretView }) => {
  const { frame, name, entry, usedBy, mistakes, now } = view
  return (
    <Page frame={frame} title={name} room="secrets">
      <Title up={{ label: 'secrets', to: urls.secrets.to() }} title={name} machine={true}>
        <p class="standing">
          {entry === undefined ? <StateWord state="waiting" word="missing" /> : <StateWord state="ready" word="set" />}
        </p>
      </Title>
      <dl class="facts">
        <Fact name="Kept in">{entry === undefined ? 'nowhere' : places[entry.source]}</Fact>
        {entry === undefined || entry.hidden.length === 0 ? null : (
          <Fact name="Hides">{entry.hidden.map(place => places[place]).join(', ')}</Fact>
        )}
        <Fact name="Changed">{entry?.changedAt === undefined ? '–' : <Ago at={entry.changedAt} now={now} />}</Fact>
        <Fact name="Named by">{usedBy.length === 0 ? 'nothing that is declared' : usedBy.join(', ')}</Fact>
        <Fact name="Goes to">
          {entry === undefined || entry.allowed.length === 0
            ? 'nowhere yet; its first place is the one that it belongs to'
            : entry.allowed.join(', ')}
        </Fact>
        <Fact name="In documents">
          <code>secret:{name}</code>
        </Fact>
        <Fact name="Uses">
          <a href={`${urls.audit.to()}?type=secret_accessed&text=${name}`}>in the audit</a>
        </Fact>
      </dl>
      <section>
        <h2>{entry === undefined ? 'Set it' : 'Set another value'}</h2>
        {entry?.source === 'environment' ? <p class="hint">{elsewhere.environment}</p> : null}
        <SecretForm name={name} fixed={true} mistakes={mistakes} />
      </section>
      {entry === undefined ? null : <Reaching entry={entry} />}
      {entry === undefined ? null : <Removal entry={entry} />}
    </Page>
  )
}

const Reaching = ({ entry: { name, refused } }: { readonly entry: NonNullable<SecretView['entry']> }) => (
  <section>
    <h2>Where it may go</h2>
    {refused.map(host => (
      <form method="post" action={urls.secretAllow.to()} class="form">
        <input type="hidden" name="name" value={name} />
        <input type="hidden" name="host" value={host} />
        <p class="mistake">
          What is declared wants it at <code>{host}</code>, where it never was. It is not sent there until somebody allows it.
        </p>
        <button type="submit" class="main danger">
          Allow {host}
        </button>
      </form>
    ))}
    <form method="post" action={urls.secretAllow.to()} class="form">
      <input type="hidden" name="name" value={name} />
      <TextField
        {...{ name: 'host', label: 'One more host', value: '', hint: 'db.example.com, or db.example.com:5432' }}
        {...{ machine: true, required: true, maxlength: 300, autocomplete: 'off' }}
      />
      <button type="submit" class="main">
        Allow it
      </button>
    </form>
  </section>
)

const Removal = ({ entry: { name, source, usedBy } }: { readonly entry: NonNullable<SecretView['entry']> }) => (
  <section>
    <h2>Remove it</h2>
    {elsewhere[source] === undefined ? (
      <form method="post" action={urls.secretRemove.to()} class="form">
        <input type="hidden" name="name" value={name} />
        <p class="hint">
          {usedBy.length === 0 ? 'No document names it.' : `What ${usedBy.join(', ')} declares waits until it is set again.`}
        </p>
        <button type="submit" class="main danger">
          Remove {name}
        </button>
      </form>
    ) : (
      <p class="hint">{elsewhere[source]}</p>
    )}
  </section>
)
