/** @jsxImportSource hono/jsx */
import type { Child } from 'hono/jsx'
import type { ResourceState } from '../../../reconcilers/engine/status.ts'
import type { Approval } from '../../../runtime/policy/action.ts'
import { StateWord } from '../components/state.tsx'
import { Ago, moment } from '../components/time.tsx'
import { idFor } from '../live/regions.ts'
import { urls } from '../urls.ts'

const looks: Record<Approval['state'], { readonly state: ResourceState; readonly word: string }> = {
  waiting: { state: 'held', word: 'waits for you' },
  approved: { state: 'ready', word: 'approved' },
  used: { state: 'ready', word: 'approved and done' },
  denied: { state: 'failed', word: 'denied' },
  expired: { state: 'suspended', word: 'lapsed' },
}

export const ApprovalWord = ({ state }: Pick<Approval, 'state'>) => <StateWord {...looks[state]} />

export const cardId = ({ id }: Pick<Approval, 'id'>): string => idFor('ask', id)

interface CardProps {
  readonly approval: Approval
  /** Where a browser without scripts goes on. */
  readonly back: string
  readonly now: Date
  readonly mistake?: string | undefined
}

/** One thing that an agent asks a person for, whole, with the ways to answer. */
export const ApprovalCard = ({ approval, back, now, mistake }: CardProps) => {
  const { agent, title, reason, shown, state, askedAt } = approval
  const id = cardId(approval)
  return (
    <article id={id} class={`ask ask-${state}`} aria-labelledby={`${id}-title`}>
      <p class="by">
        <ApprovalWord state={state} /> <b>{agent}</b> <Ago at={askedAt} now={now} />
      </p>
      <h3 id={`${id}-title`}>{title}</h3>
      {reason === '' ? null : <p class="because-of">{reason}</p>}
      <dl class="shown">
        {shown.map(({ name, text }) => (
          <div>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {mistake === undefined ? null : (
        <p class="mistake" role="alert">
          {mistake}
        </p>
      )}
      {state === 'waiting' ? <Decision approval={approval} id={id} back={back} /> : <Decided approval={approval} />}
    </article>
  )
}

interface DecisionProps {
  readonly approval: Approval
  readonly id: string
  readonly back: string
}

const Decision = ({ approval: { id: approval, digest, expiresAt, rule }, id, back }: DecisionProps) => (
  <div class="decision">
    <DecisionForm to={urls.approvalApprove.to(approval)} target={id} digest={digest} back={back}>
      <button type="submit" class="main">
        Approve
      </button>
    </DecisionForm>
    <DecisionForm to={urls.approvalDeny.to(approval)} target={id} digest={digest} back={back}>
      <button type="submit" class="second">
        Deny
      </button>
      <label>
        <span class="unseen">Why not</span>
        <input type="text" name="note" maxlength={500} placeholder="because …" />
      </label>
    </DecisionForm>
    {rule === undefined ? null : (
      <p>
        <a href={urls.approvalAlways.to(approval)}>Always allow this …</a>
      </p>
    )}
    <p class="hint">
      Holds once, for just this, until {moment(expiresAt)}. Digest <code title={digest}>{digest.slice(0, 12)}</code>
    </p>
  </div>
)

interface FormProps {
  readonly to: string
  readonly target: string
  readonly digest: string
  readonly back: string
  readonly children?: Child
}

/** What is decided is what was shown: the digest goes with it. */
const DecisionForm = ({ to, target, digest, back, children }: FormProps) => (
  <form method="post" action={to} hx-post={to} hx-target={`#${target}`} hx-swap="outerHTML">
    <input type="hidden" name="digest" value={digest} />
    <input type="hidden" name="back" value={back} />
    {children}
  </form>
)

const Decided = ({ approval: { decidedBy, note } }: { readonly approval: Approval }) =>
  decidedBy === undefined ? null : (
    <p class="hint">
      {decidedBy.replace(/^(?:person|operator) /, '')}
      {note === undefined || note === '' ? null : `: ${note}`}
    </p>
  )
