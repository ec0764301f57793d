/** @jsxImportSource hono/jsx */
import type { FieldChange, Operation } from '../../../reconcilers/engine/reconciler.ts'
import type { PlannedChange, RevisionPlan } from '../../../reconcilers/engine/status.ts'

const marks: Record<Operation, string> = { create: '+', update: '~', replace: '±', delete: '−' }

interface LineProps {
  readonly kind: string
  readonly name: string
  readonly operation: Operation
  readonly summary: string
  readonly fields: readonly FieldChange[]
}

export const PlanLine = ({ kind, name, operation, summary, fields }: LineProps) => (
  <li class={`op-${operation}`}>
    <p>
      <b aria-hidden="true">{marks[operation]}</b> {operation} <small>{kind}</small> <code>{name}</code> {summary}
    </p>
    {fields.length === 0 ? null : (
      <dl>
        {fields.map(field => (
          <div>
            <dt>{field.name}</dt>
            <dd>
              {field.before === '' ? null : <del>{field.before}</del>} {field.after === '' ? null : <ins>{field.after}</ins>}
            </dd>
          </div>
        ))}
      </dl>
    )}
  </li>
)

export const PlanList = ({ changes }: { readonly changes: readonly PlannedChange[] }) => (
  <ol class="plan">
    {changes.map(({ kind, key, operation, summary, fields }) => (
      <PlanLine kind={kind} name={key} operation={operation} summary={summary} fields={fields} />
    ))}
  </ol>
)

/** What a commit would do, with what it would have to wait for. */
export const PlanView = ({ plan }: { readonly plan: RevisionPlan }) => (
  <section aria-labelledby="plan-title">
    <h2 id="plan-title">Plan</h2>
    {plan.changes.length === 0 ? <p class="calm">Nothing on the server changes.</p> : <PlanList changes={plan.changes} />}
    {plan.holds.map(hold => (
      <p class="warning">This is held until it is approved once: {hold.reason}.</p>
    ))}
    {plan.leftAlone.map(({ kind, key }) => (
      <p class="warning">
        {kind} {key} would change too, and is suspended: it is left alone until then.
      </p>
    ))}
    {plan.unseen.map(({ kind, key, message }) => (
      <p class="warning">
        What changes for {key === undefined ? kind : `${kind} ${key}`} is not known yet: {message}
      </p>
    ))}
  </section>
)
