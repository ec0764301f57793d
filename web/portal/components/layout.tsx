/** @jsxImportSource hono/jsx */
import type { Child } from 'hono/jsx'
import { assets } from '../assets.ts'
import { type Region, region } from '../live/regions.ts'
import { urls } from '../urls.ts'
import type { AgentGlance, Frame, Room } from './frame.ts'
import { Mark } from './mark.tsx'
import { StateMark } from './state.tsx'

const rooms: readonly { readonly room: Room; readonly label: string; readonly to: string }[] = [
  { room: 'chat', label: 'Chat', to: urls.chat.to() },
  { room: 'overview', label: 'Overview', to: urls.overview.to() },
  { room: 'tasks', label: 'Tasks', to: urls.tasks.to() },
  { room: 'approvals', label: 'Approvals', to: urls.approvals.to() },
  { room: 'agents', label: 'Agents', to: urls.agents.to() },
  { room: 'domains', label: 'Domains', to: urls.domains.to() },
  { room: 'dns', label: 'DNS', to: urls.dns.to() },
  { room: 'secrets', label: 'Secrets', to: urls.secrets.to() },
  { room: 'backups', label: 'Backups', to: urls.backups.to() },
  { room: 'changes', label: 'Changes', to: urls.changes.to() },
  { room: 'audit', label: 'Audit', to: urls.audit.to() },
]

interface DocumentProps {
  readonly title: string
  readonly theme: Frame['theme']
  /** Without it, no script is loaded at all. */
  readonly live?: boolean
  readonly bodyClass: string
  readonly children?: Child
}

/** What somebody has unfolded stays so when it comes anew. */
const htmxSettings = JSON.stringify({
  includeIndicatorCSS: false,
  history: false,
  morphIgnore: ['data-htmx-powered', 'open'],
  // What is refused before it reaches us has no words that could stand in the page.
  noSwap: [204, 304, 413, 502, 504],
})

/** The outermost frame, shared by pages with and without a sidebar. */
export const Document = ({ title, theme, live = false, bodyClass, children }: DocumentProps) => (
  <html lang="en" {...(theme === 'auto' ? {} : { 'data-theme': theme })}>
    <head>
      <meta charset="utf-8" />
      <title>{title}</title>
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content={theme === 'auto' ? 'light dark' : theme} />
      <link rel="icon" type="image/svg+xml" href={urls.asset.to(assets.mark.name)} />
      <link rel="stylesheet" href={urls.asset.to(assets.style.name)} />
      {live ? <meta name="htmx-config" content={htmxSettings} /> : null}
      {live ? <script defer src={urls.asset.to(assets.script.name)}></script> : null}
    </head>
    <body class={bodyClass}>{children}</body>
  </html>
)

interface PageProps {
  readonly frame: Frame
  readonly title: string
  readonly room: Room
  /** Where the live parts of this page come from. */
  readonly live?: string
  /** Forms that do more with scripts, on a page that is not live. */
  readonly scripts?: boolean
  /** Is said once at the top, after a form did its work. */
  readonly notice?: string | undefined
  readonly children?: Child
}

/** A page of somebody who is signed in: sidebar, notice, content. */
export const Page = ({ frame, title, room, live, scripts = false, notice, children }: PageProps) => (
  <Document title={`${title} · ${frame.hostname}`} theme={frame.theme} live={scripts || live !== undefined} bodyClass="room">
    <a class="skip" href="#content">
      Skip to content
    </a>
    <Sidebar frame={frame} room={room} />
    <main id="content" tabindex={-1}>
      {notice === undefined ? null : (
        <p class="notice" role="status">
          {notice}
        </p>
      )}
      {children}
    </main>
    {live === undefined ? null : <LiveConnection to={live} />}
  </Document>
)

const Sidebar = ({ frame, room }: { readonly frame: Frame; readonly room: Room }) => (
  <header class="side">
    <a class="brand" href={urls.overview.to()}>
      <Mark />
      <span>
        <b>AI Infrastructure</b>
        <code>{frame.hostname}</code>
      </span>
    </a>
    <nav class="rooms" aria-label="Rooms">
      {rooms.map(({ room: name, label, to }) => (
        <a href={to} {...(name === room ? { 'aria-current': 'page' } : {})}>
          {label}
          {name === 'approvals' ? <PendingCount count={frame.pending} /> : null}
        </a>
      ))}
    </nav>
    {frame.agents.length === 0 ? null : (
      <nav class="crew" aria-labelledby="crew-title">
        <h2 id="crew-title">Agents</h2>
        <CrewList agents={frame.agents} />
      </nav>
    )}
    <div class="person">
      <a href={urls.account.to()} {...(room === 'account' ? { 'aria-current': 'page' } : {})}>
        {frame.person}
      </a>
      <form method="post" action={urls.signOut.to()}>
        <button type="submit" class="quiet">
          Sign out
        </button>
      </form>
      <ThemeChoice theme={frame.theme} back={frame.path} />
      <p class="pulse"></p>
    </div>
  </header>
)

/** What around the content of a page is live. */
export const frameRegions = (frame: Frame): readonly Region[] => [
  region('crew', <CrewList agents={frame.agents} />),
  region('pending', <PendingCount count={frame.pending} />),
]

const PendingCount = ({ count }: { readonly count: number }) => (
  <span id="pending" class="count">
    {count === 0 ? null : (
      <>
        {count}
        <span class="unseen"> waiting</span>
      </>
    )}
  </span>
)

/** Live: the same element comes again through the stream. */
export const CrewList = ({ agents }: { readonly agents: readonly AgentGlance[] }) => (
  <ul id="crew">
    {agents.map(agent => (
      <li>
        <a href={urls.agent.to(agent.name)}>
          <StateMark state={agent.state} />
          <span>{agent.name}</span>
          <small>{agent.activity}</small>
        </a>
      </li>
    ))}
  </ul>
)

export const ThemeChoice = ({ theme, back }: { readonly theme: Frame['theme']; readonly back: string }) => (
  <form method="post" action={urls.theme.to()} class="theme" aria-label="Colours">
    <input type="hidden" name="back" value={back} />
    {(['auto', 'light', 'dark'] as const).map(choice => (
      <button type="submit" class="quiet" name="theme" value={choice} aria-pressed={choice === theme ? 'true' : 'false'}>
        {choice}
      </button>
    ))}
  </form>
)

/** The stream of this page. `live-note` says so when the session has ended. */
const LiveConnection = ({ to }: { readonly to: string }) => (
  <>
    <div id="live" hidden hx-sse:connect={to} hx-sse:close="end" hx-swap="none" hx-config="sse.reconnectMaxDelay:5000"></div>
    <div id="live-note" role="status"></div>
  </>
)
