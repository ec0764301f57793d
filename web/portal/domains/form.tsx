/** @jsxImportSource hono/jsx */
import type { Child } from 'hono/jsx'
import { Title } from '../components/facts.tsx'
import { Mistakes, TextField } from '../components/field.tsx'
import type { Frame } from '../components/frame.ts'
import { Page } from '../components/layout.tsx'
import { urls } from '../urls.ts'
import type { DomainFields, DomainKind } from './entry.ts'
import type { FormMistakes } from './mistakes.ts'
import { AuthorityFields, Choice, type PartProps, TlsChoice, ZoneFields } from './reach.tsx'

export interface DomainFormView {
  readonly frame: Frame
  readonly fields: DomainFields
  /** The domain is there already; its name stays. */
  readonly existing: boolean
  readonly mistakes: FormMistakes
  /** What dns.yaml names. */
  readonly dns: { readonly providers: readonly string[]; readonly zones: readonly string[] }
}

const kinds: readonly { readonly kind: DomainKind; readonly label: string; readonly hint: string }[] = [
  { kind: 'root', label: 'Files', hint: 'a folder of this server' },
  { kind: 'proxy', label: 'Proxy', hint: 'a program that listens' },
  { kind: 'redirect', label: 'Redirect', hint: 'another address' },
  { kind: 'portal', label: 'Portal', hint: 'these pages' },
]

export const DomainFormPage = ({ view }: { readonly view: DomainFormView }) => {
  const { frame, fields, existing, mistakes, dns } = view
  return (
    <Page frame={frame} title={existing ? `Edit ${fields.host}` : 'Add a domain'} room="domains">
      <Title
        up={{ label: 'domains', to: urls.domains.to() }}
        title={existing ? fields.host : 'Add a domain'}
        machine={existing}
      />
      <Mistakes sentences={mistakes.form ?? []} />
      <form method="post" action={urls.domainReview.to()} class="form domain">
        <input type="hidden" name="existing" value={existing ? 'yes' : ''} />
        {existing ? (
          <input type="hidden" name="host" value={fields.host} />
        ) : (
          <TextField
            name="host"
            label="Host name"
            hint={
              dns.zones.length === 0
                ? 'Point its DNS record at this server too.'
                : `Names in ${dns.zones.join(', ')} get their DNS records by themselves.`
            }
            value={fields.host}
            mistakes={mistakes.host}
            placeholder="blog.example.com"
            required
            machine
            autofocus
          />
        )}
        {existing && mistakes.host !== undefined ? <Mistakes sentences={mistakes.host} /> : null}
        <KindChoice kind={fields.kind} mistakes={mistakes.kind ?? []} />
        <RootFields fields={fields} mistakes={mistakes} />
        <ProxyFields fields={fields} mistakes={mistakes} />
        <RedirectFields fields={fields} mistakes={mistakes} />
        <TextField
          name="aliases"
          label="Aliases"
          hint="Further host names of the same site, with spaces between."
          value={fields.aliases}
          mistakes={mistakes.aliases}
          machine
        />
        <TlsChoice fields={fields} mistakes={mistakes} />
        <AuthorityFields fields={fields} mistakes={mistakes} />
        <ZoneFields fields={fields} mistakes={mistakes} providers={dns.providers} />
        <div class="decide">
          <button type="submit" class="main">
            Show the plan
          </button>
          <p class="hint">Nothing happens yet.</p>
        </div>
      </form>
      {existing ? (
        <form method="post" action={urls.domainRemove.to(fields.host)} class="decide apart">
          <button type="submit" class="second">
            Remove this domain
          </button>
          <p class="hint">Shows the plan first. Its files are archived, never deleted.</p>
        </form>
      ) : null}
    </Page>
  )
}

const KindChoice = ({ kind: chosen, mistakes }: { readonly kind: DomainKind; readonly mistakes: readonly string[] }) => (
  <fieldset class="kinds">
    <legend>What it serves</legend>
    {kinds.map(({ kind, label, hint }) => (
      <label>
        <input type="radio" name="kind" value={kind} checked={kind === chosen} />
        <b>{label}</b> <small>{hint}</small>
      </label>
    ))}
    {mistakes.length === 0 ? null : <p class="mistake">{mistakes.join(' ')}</p>}
  </fieldset>
)

/** Shown only while its kind is chosen; by the style sheet, so without JavaScript too. */
const Part = ({ kind, children }: { readonly kind: DomainKind; readonly children?: Child }) => (
  <div class={`part of-${kind}`}>{children}</div>
)

const RootFields = ({ fields, mistakes }: PartProps) => (
  <Part kind="root">
    <TextField
      name="root"
      label="Folder below www/"
      value={fields.root}
      mistakes={mistakes.root}
      placeholder="blog"
      hint="A new one shows a first page until it has files of its own."
      machine
    />
    <details
      class="fold"
      open={fields.deploy_repo !== '' || Boolean(mistakes.deploy_repo ?? mistakes.deploy_branch ?? mistakes.deploy_directory)}
    >
      <summary>Its files come from a Git repository</summary>
      <TextField
        name="deploy_repo"
        label="Repository"
        value={fields.deploy_repo}
        mistakes={mistakes.deploy_repo}
        placeholder="https://github.com/me/blog.git"
        machine
      />
      <TextField
        name="deploy_branch"
        label="Branch"
        value={fields.deploy_branch}
        mistakes={mistakes.deploy_branch}
        placeholder="main"
        machine
      />
      <TextField
        name="deploy_directory"
        label="Folder of the repository"
        value={fields.deploy_directory}
        mistakes={mistakes.deploy_directory}
        placeholder="."
        machine
      />
    </details>
  </Part>
)

const ProxyFields = ({ fields, mistakes }: PartProps) => (
  <Part kind="proxy">
    <TextField
      name="proxy"
      label="Address of the program"
      value={fields.proxy}
      mistakes={mistakes.proxy}
      placeholder="http://127.0.0.1:9000"
      machine
    />
    <label class="check">
      <input type="checkbox" name="websocket" value="yes" checked={fields.websocket} /> Pass WebSocket connections on
    </label>
    <TextField
      name="timeout_seconds"
      label="Give a silent program up after"
      hint="Seconds; 60 when empty."
      value={fields.timeout_seconds}
      mistakes={mistakes.timeout_seconds}
      placeholder="60"
      machine
    />
  </Part>
)

const RedirectFields = ({ fields, mistakes }: PartProps) => (
  <Part kind="redirect">
    <TextField
      name="redirect"
      label="Where visitors are sent"
      hint="Without a path it keeps the path that was asked for."
      value={fields.redirect}
      mistakes={mistakes.redirect}
      placeholder="https://blog.example.com"
      machine
    />
    <Choice name="status" label="Kind of redirect" chosen={fields.status} choices={statuses} mistakes={mistakes} />
  </Part>
)

const statuses = {
  '': '301, for good (usual)',
  '308': '308, for good, forms too',
  '302': '302, for now',
  '303': '303, for now, as a page',
  '307': '307, for now, forms too',
}
