/** @jsxImportSource hono/jsx */
import type { Child } from 'hono/jsx'

interface FieldProps {
  readonly name: string
  readonly label: string
  readonly hint?: string
  readonly mistakes?: readonly string[]
  readonly children: (attributes: FieldAttributes) => Child
}

/** What the control takes over, so that label, hint and mistakes belong to it. */
export interface FieldAttributes {
  readonly id: string
  readonly name: string
  readonly 'aria-describedby'?: string
  readonly 'aria-invalid'?: 'true'
}

export const Field = ({ name, label, hint, mistakes = [], children }: FieldProps) => {
  const hintId = `${name}-hint`
  const mistakeId = `${name}-mistake`
  const described = [hint === undefined ? '' : hintId, mistakes.length > 0 ? mistakeId : ''].filter(Boolean).join(' ')
  const attributes: FieldAttributes = {
    id: name,
    name,
    ...(described === '' ? {} : { 'aria-describedby': described }),
    ...(mistakes.length > 0 ? { 'aria-invalid': 'true' as const } : {}),
  }
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {children(attributes)}
      {hint === undefined ? null : (
        <p class="hint" id={hintId}>
          {hint}
        </p>
      )}
      {mistakes.length === 0 ? null : (
        <p class="mistake" id={mistakeId}>
          {mistakes.join(' ')}
        </p>
      )}
    </div>
  )
}

interface TextFieldProps {
  readonly name: string
  readonly label: string
  readonly hint?: string
  readonly mistakes?: readonly string[] | undefined
  readonly value?: string
  readonly type?: 'text' | 'email' | 'password' | 'number'
  readonly autocomplete?: string
  readonly required?: boolean
  readonly minlength?: number
  readonly maxlength?: number
  readonly placeholder?: string
  readonly machine?: boolean
  readonly autofocus?: boolean
}

export const TextField = ({
  name,
  label,
  hint,
  mistakes,
  value = '',
  type = 'text',
  machine = false,
  ...more
}: TextFieldProps) => (
  <Field name={name} label={label} {...(hint === undefined ? {} : { hint })} mistakes={mistakes ?? []}>
    {attributes => (
      <input
        {...attributes}
        {...more}
        type={type}
        value={value}
        {...(machine ? { class: 'machine', autocapitalize: 'off', spellcheck: false } : {})}
      />
    )}
  </Field>
)

/** The mistakes that belong to no field. */
export const Mistakes = ({ sentences }: { readonly sentences: readonly string[] }) =>
  sentences.length === 0 ? null : (
    <div class="mistakes" role="alert">
      <ul>
        {sentences.map(sentence => (
          <li>{sentence}</li>
        ))}
      </ul>
    </div>
  )
