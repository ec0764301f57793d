/** @jsxImportSource hono/jsx */
import type { Child } from 'hono/jsx'

/** A name and what stands beside it. */
export const Fact = ({ name, children }: { readonly name: string; readonly children?: Child }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)

interface TitleProps {
  /** The room that this page belongs to. */
  readonly up: { readonly label: string; readonly to: string }
  readonly title: string
  readonly machine?: boolean
  readonly children?: Child
}

/** Head of a page below a room. */
export const Title = ({ up, title, machine = false, children }: TitleProps) => (
  <header class="title">
    <p class="eyebrow">
      <a href={up.to}>{up.label}</a>
    </p>
    <h1 {...(machine ? { class: 'name' } : {})}>{title}</h1>
    {children}
  </header>
)
