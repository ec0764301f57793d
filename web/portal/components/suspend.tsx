/** @jsxImportSource hono/jsx */
import type { Suspension } from '../../../reconcilers/engine/status.ts'
import { urls } from '../urls.ts'
import { TextField } from './field.tsx'
import { moment } from './time.tsx'

/** How long a resource can be left alone, in hours. */
export const suspendHours = [1, 4, 24, 168] as const

const words: Record<(typeof suspendHours)[number], string> = { 1: '1 hour', 4: '4 hours', 24: '1 day', 168: '1 week' }

interface Props {
  readonly kind: string
  readonly name: string
  readonly suspension: Suspension | undefined
  readonly now: Date
}

/** Leaves a resource alone for a while, or takes it up again. */
export const SuspendPanel = ({ kind, name, suspension }: Props) =>
  suspension === undefined ? (
    <details class="fold">
      <summary>Suspend it for a while</summary>
      <form method="post" action={urls.suspend.to(kind, name)} class="form">
        <p class="hint">The appliance leaves it alone, whatever is declared, until the time is over or you resume it.</p>
        <TextField name="reason" label="Reason" hint="Others see it while it is suspended." required maxlength={200} />
        <fieldset class="choices">
          <legend>For how long</legend>
          {suspendHours.map(hours => (
            <label>
              <input type="radio" name="hours" value={String(hours)} checked={hours === 1} /> {words[hours]}
            </label>
          ))}
        </fieldset>
        <button type="submit" class="second">
          Suspend
        </button>
      </form>
    </details>
  ) : (
    <form method="post" action={urls.resume.to(kind, name)} class="suspended">
      <p>
        {suspension.owner.replace(/^person /, '')} suspended it until {moment(suspension.until)}: {suspension.reason}
      </p>
      <button type="submit" class="main">
        Resume
      </button>
    </form>
  )
