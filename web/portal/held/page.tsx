/** @jsxImportSource hono/jsx */
import type { HeldKind, Hold } from '../../../reconcilers/engine/status.ts'
import { Fact, Title } from '../components/facts.tsx'
import type { Frame } from '../components/frame.ts'
import { Page } from '../components/layout.tsx'
import { PlanLine } from '../components/plan.tsx'
import { Ago, short } from '../components/time.tsx'
import { urls } from '../urls.ts'

export interface HeldView {
  readonly frame: Frame
  readonly hold: Hold
  readonly command: string
  readonly now: Date
}

export const HeldPage = ({ view: { frame, hold, command, now } }: { readonly view: HeldView }) => (
  <Page frame={frame} title={`Held: ${short(hold.revision)}`} room="overview">
    <Title up={{ label: 'held', to: urls.overview.to() }} title={capital(hold.reason)}>
      <p class="lead">It waits because it takes much away at once. Until you approve it, everything below stays as it is.</p>
      <dl class="facts">
        <Fact name="Commit">
          <a href={urls.change.to(hold.revision)}>{short(hold.revision)}</a>
        </Fact>
        <Fact name="Held">
          <Ago at={hold.since} now={now} />
        </Fact>
        <Fact name="ID">{hold.id}</Fact>
      </dl>
    </Title>
    {hold.kinds.map(held => (
      <HeldKindSection held={held} />
    ))}
    <form method="post" action={urls.approve.to(hold.id)} class="decide">
      <input type="hidden" name="digest" value={hold.digest} />
      <button type="submit" class="main danger">
        Approve once
      </button>
      <a class="second" href={urls.change.to(hold.revision)}>
        Look at the commit instead
      </a>
      <p class="hint">
        One approval for all of it, for this commit and nothing else. In a terminal:{' '}
        <code>{`${command} approve ${hold.id}`}</code>
      </p>
    </form>
  </Page>
)

const HeldKindSection = ({ held: { kind, reason, follows, changes } }: { readonly held: HeldKind }) => (
  <section>
    <h2>
      {kind}: {reason === '' ? `goes with ${follows ?? ''}` : reason}
    </h2>
    <ol class="plan">
      {changes.map(change => (
        <PlanLine kind={kind} name={change.key} operation={change.operation} summary="" fields={change.fields} />
      ))}
    </ol>
  </section>
)

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1)
