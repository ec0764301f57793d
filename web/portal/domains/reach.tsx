/** @jsxImportSource hono/jsx */
import { Field, TextField } from '../components/field.tsx'
import type { DomainFields } from './entry.ts'
import type { FormMistakes } from './mistakes.ts'

export interface PartProps {
  readonly fields: DomainFields
  readonly mistakes: FormMistakes
}

const certificates: Readonly<Record<string, string>> = {
  '': 'as settings.yaml says',
  none: 'none: plain HTTP',
  'self-signed': 'self-signed: for tests and private names',
  acme: 'acme: of a certificate authority, renewed by itself',
}

export const TlsChoice = ({ fields, mistakes }: PartProps) => (
  <Choice name="tls" label="TLS" chosen={fields.tls} choices={certificates} mistakes={mistakes} />
)

/** What is about the certificate of an authority. */
export const AuthorityFields = ({ fields, mistakes }: PartProps) => (
  <details
    class="fold"
    open={fields.challenge + fields.hsts !== '' || mistakes.challenge !== undefined || mistakes.hsts !== undefined}
  >
    <summary>How an authority and browsers trust it</summary>
    <Choice name="challenge" label="Proof for the authority" chosen={fields.challenge} choices={challenges} mistakes={mistakes} />
    <Choice
      name="hsts"
      label="Browsers insist on TLS (HSTS)"
      chosen={fields.hsts}
      choices={fields.hsts === 'written' ? { ...hstsChoices, written: 'as domains.yaml says' } : hstsChoices}
      mistakes={mistakes}
    />
  </details>
)

const challenges = {
  '': 'http, or dns for a name with a star',
  http: 'http: port 80 reaches this server',
  dns: 'dns: its zone is in dns.yaml',
}

const hstsChoices = { '': 'no', year: 'for a year' }

interface ChoiceProps {
  readonly name: 'challenge' | 'hsts' | 'tls' | 'status'
  readonly label: string
  readonly chosen: string
  /** Labels by value. */
  readonly choices: Readonly<Record<string, string>>
  readonly mistakes: FormMistakes
}

export const Choice = ({ name, label, chosen, choices, mistakes }: ChoiceProps) => (
  <Field name={name} label={label} mistakes={mistakes[name] ?? []}>
    {attributes => (
      <select {...attributes}>
        {Object.entries(choices).map(([value, words]) => (
          <option value={value} selected={value === chosen}>
            {words}
          </option>
        ))}
      </select>
    )}
  </Field>
)

export const ZoneFields = ({ fields, mistakes, providers }: PartProps & { readonly providers: readonly string[] }) =>
  providers.length === 0 ? null : (
    <details class="fold" open={fields.dns_provider !== '' || mistakes.dns_zone !== undefined}>
      <summary>Keep its DNS zone from here too</summary>
      <Field name="dns_provider" label="DNS provider" mistakes={mistakes.dns_provider ?? []}>
        {attributes => (
          <select {...attributes}>
            {['', ...providers].map(provider => (
              <option value={provider} selected={provider === fields.dns_provider}>
                {provider === '' ? 'as dns.yaml says' : `a new zone at ${provider}`}
              </option>
            ))}
          </select>
        )}
      </Field>
      <TextField
        name="dns_zone"
        label="Zone"
        hint="The name without its first part when empty. Records in it that are not of this server stay untouched."
        value={fields.dns_zone}
        mistakes={mistakes.dns_zone}
        placeholder="example.com"
        machine
      />
    </details>
  )
