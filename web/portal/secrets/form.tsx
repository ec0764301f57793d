/** @jsxImportSource hono/jsx */
import { Field, Mistakes, TextField } from '../components/field.tsx'
import { urls } from '../urls.ts'

interface Props {
  readonly name: string
  /** The name cannot be another one. */
  readonly fixed: boolean
  readonly mistakes?: readonly string[]
}

/** Write-only: it never has a value, not even after a mistake. */
export const SecretForm = ({ name, fixed, mistakes = [] }: Props) => (
  <form method="post" action={urls.secretSet.to()} class="form" autocomplete="off">
    <Mistakes sentences={mistakes} />
    {fixed ? (
      <input type="hidden" name="name" value={name} />
    ) : (
      <TextField
        {...{ name: 'name', label: 'Name', value: name, hint: 'Capital letters, digits and _, like DNS_KEY.' }}
        {...{ machine: true, required: true, maxlength: 100, autocomplete: 'off' }}
      />
    )}
    <Field name="value" label="Value" hint="A line, or a whole key file. It is not shown, here or anywhere.">
      {attributes => (
        <textarea
          {...attributes}
          class="machine veiled"
          rows={3}
          required
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
        ></textarea>
      )}
    </Field>
    <button type="submit" class="main">
      {fixed ? `Set ${name}` : 'Set it'}
    </button>
  </form>
)
