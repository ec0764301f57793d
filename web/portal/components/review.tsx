/** @jsxImportSource hono/jsx */
import type { Child } from 'hono/jsx'
import type { RevisionPlan } from '../../../reconcilers/engine/status.ts'
import { Diff } from './diff.tsx'
import { Title } from './facts.tsx'
import { Mistakes } from './field.tsx'
import type { Frame, Room } from './frame.ts'
import { Page } from './layout.tsx'
import { PlanView } from './plan.tsx'

export interface ReviewView {
  readonly frame: Frame
  readonly room: Room
  readonly up: { readonly label: string; readonly to: string }
  readonly title: string
  readonly plan: RevisionPlan
  /** Undefined: its text is not at hand, and the plan is all there is to see. */
  readonly diff: string | undefined
  /** Why it is shown again: main or the server moved meanwhile. */
  readonly again: string | undefined
  /** Where the decision is sent, with what it is bound to. */
  readonly action: string
  readonly hidden: Readonly<Record<string, string>>
  readonly decision: string
  readonly destructive: boolean
  readonly back: string
  readonly children?: Child
}

/** The plan and the text of a commit that is not made yet, and the one button that makes it. */
export const ReviewPage = (view: ReviewView) => (
  <Page frame={view.frame} title={view.title} room={view.room}>
    <Title up={view.up} title={view.title} />
    <Mistakes sentences={view.again === undefined ? [] : [view.again]} />
    <PlanView plan={view.plan} />
    {view.diff === undefined ? null : (
      <section aria-labelledby="diff-title">
        <h2 id="diff-title">The commit</h2>
        {view.diff === '' ? <p class="calm">No file changes.</p> : <Diff text={view.diff} />}
      </section>
    )}
    {view.children}
    <form method="post" action={view.action} class="decide">
      {Object.entries(view.hidden).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <button type="submit" class={view.destructive ? 'main danger' : 'main'}>
        {view.decision}
      </button>
      <a class="second" href={view.back}>
        Go back
      </a>
    </form>
  </Page>
)
