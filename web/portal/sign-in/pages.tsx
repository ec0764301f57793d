/** @jsxImportSource hono/jsx */
import type { Child } from 'hono/jsx'
import { Mistakes, TextField } from '../components/field.tsx'
import type { Frame } from '../components/frame.ts'
import { Document, Page, ThemeChoice } from '../components/layout.tsx'
import { Mark } from '../components/mark.tsx'
import { urls } from '../urls.ts'
import { longestPassword, shortestPassword } from './better-auth.ts'

export interface GateFrame {
  readonly hostname: string
  readonly theme: Frame['theme']
  readonly path: string
}

interface GateProps {
  readonly frame: GateFrame
  readonly title: string
  readonly children?: Child
}

/** A page for somebody who is not signed in. */
export const Gate = ({ frame, title, children }: GateProps) => (
  <Document title={`${title} · ${frame.hostname}`} theme={frame.theme} bodyClass="gate">
    <main>
      <p class="brand">
        <Mark />
        <span>
          <b>AI Infrastructure</b>
          <code>{frame.hostname}</code>
        </span>
      </p>
      {children}
    </main>
    <footer>
      <ThemeChoice theme={frame.theme} back={frame.path} />
    </footer>
  </Document>
)

export interface SignInView {
  readonly frame: GateFrame
  readonly email: string
  readonly next: string
  readonly mistakes: readonly string[]
  readonly notice?: string | undefined
  /** Where a lost password is helped. */
  readonly command: string
}

export const SignInPage = ({ frame, email, next, mistakes, notice }: SignInView) => (
  <Gate frame={frame} title="Sign in">
    <h1>Sign in</h1>
    {notice === undefined ? null : (
      <p class="notice" role="status">
        {notice}
      </p>
    )}
    <Mistakes sentences={mistakes} />
    <form method="post" action={urls.signIn.to()} class="form">
      <input type="hidden" name="next" value={next} />
      <TextField
        name="email"
        label="E-mail"
        type="email"
        autocomplete="username"
        value={email}
        required
        autofocus={email === ''}
      />
      <TextField
        name="password"
        label="Password"
        type="password"
        autocomplete="current-password"
        required
        maxlength={longestPassword}
        autofocus={email !== ''}
      />
      <button type="submit" class="main">
        Sign in
      </button>
    </form>
  </Gate>
)

export interface FirstAdminView {
  readonly frame: GateFrame
  readonly code: string
  readonly name: string
  readonly email: string
  readonly mistakes: Readonly<Partial<Record<'code' | 'name' | 'email' | 'password' | 'form', readonly string[]>>>
}

export const FirstAdminPage = ({ frame, code, name, email, mistakes }: FirstAdminView) => (
  <Gate frame={frame} title="First administrator">
    <h1>Make it yours</h1>
    <p>The terminal that started this appliance shows a code. With it you become its administrator; nobody else can sign up.</p>
    <Mistakes sentences={mistakes.form ?? []} />
    <form method="post" action={urls.firstAdmin.to()} class="form">
      <TextField
        name="code"
        label="Code from the terminal"
        value={code}
        mistakes={mistakes.code}
        placeholder="XXXX-XXXX-XXXX-XXXX"
        autocomplete="one-time-code"
        maxlength={40}
        required
        machine
        autofocus
      />
      <TextField
        name="name"
        label="Your name"
        hint="It is the author of the commits that you make here."
        value={name}
        mistakes={mistakes.name}
        autocomplete="name"
        maxlength={80}
        required
      />
      <TextField
        name="email"
        label="E-mail"
        type="email"
        value={email}
        mistakes={mistakes.email}
        autocomplete="username"
        required
      />
      <TextField
        name="password"
        label="Password"
        hint={`At least ${shortestPassword} characters; a few words are fine.`}
        type="password"
        mistakes={mistakes.password}
        autocomplete="new-password"
        minlength={shortestPassword}
        maxlength={longestPassword}
        required
      />
      <button type="submit" class="main">
        Become administrator
      </button>
    </form>
  </Gate>
)

export interface AccountView {
  readonly frame: Frame
  readonly email: string
  readonly mistakes: Readonly<Partial<Record<'current' | 'next', readonly string[]>>>
  readonly notice?: string | undefined
}

export const AccountPage = ({ frame, email, mistakes, notice }: AccountView) => (
  <Page frame={frame} title="Account" room="account" notice={notice}>
    <header class="title">
      <h1>{frame.person}</h1>
      <p>
        Signed in as <code>{email}</code>.
      </p>
    </header>
    <section aria-labelledby="colours-title">
      <h2 id="colours-title">Colours</h2>
      <ThemeChoice theme={frame.theme} back={frame.path} />
    </section>
    <section aria-labelledby="programs-title">
      <h2 id="programs-title">For programs</h2>
      <p>
        <a href={urls.api.to()}>The API</a> does everything that the portal does.
      </p>
    </section>
    <section aria-labelledby="password-title">
      <h2 id="password-title">Change the password</h2>
      <form method="post" action={urls.account.to()} class="form">
        <input type="hidden" name="username" value={email} autocomplete="username" />
        <TextField
          name="current"
          label="Password now"
          type="password"
          mistakes={mistakes.current}
          autocomplete="current-password"
          maxlength={longestPassword}
          required
        />
        <TextField
          name="next"
          label="New password"
          hint={`At least ${shortestPassword} characters. Every other session of yours ends.`}
          type="password"
          mistakes={mistakes.next}
          autocomplete="new-password"
          minlength={shortestPassword}
          maxlength={longestPassword}
          required
        />
        <button type="submit" class="main">
          Change the password
        </button>
      </form>
    </section>
  </Page>
)
