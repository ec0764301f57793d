/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { AgentDeclaration } from '../../../desired-state/state.ts'
import type { ResourceStatus, Suspension } from '../../../reconcilers/engine/status.ts'
import type { AgentPresence } from '../../../runtime/bus/agents.ts'
import type { Alert } from '../../../runtime/health/alerts.ts'
import type { AgentHealth } from '../../../runtime/health/health.ts'
import type { DaySpent } from '../../../runtime/tasks/spending.ts'
import type { Task } from '../../../runtime/tasks/task.ts'
import type { Said } from '../chat/conversations.ts'
import { turnRegion } from '../chat/turn.tsx'
import { Fact, Title } from '../components/facts.tsx'
import type { Frame } from '../components/frame.ts'
import { frameRegions, Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import { SuspendPanel } from '../components/suspend.tsx'
import { Ago } from '../components/time.tsx'
import { htmlOf, idFor, liveAddress, type Region, region, rowsOf } from '../live/regions.ts'
import type { Markdown } from '../markdown/markdown.ts'
import { urls } from '../urls.ts'
import { Screen } from './screen.tsx'
import { AlertList, BudgetBar, HealthWord, Wellbeing } from './wellbeing.tsx'

/** One agent, from all that knows of it. */
export interface AgentView {
  readonly name: string
  readonly status: ResourceStatus
  readonly presence: AgentPresence | undefined
  /** As main declares it; undefined while it is being removed. */
  readonly declaration: AgentDeclaration | undefined
  readonly health: AgentHealth | undefined
  readonly spent: DaySpent
}

const levels = ['restricted', 'standard', 'elevated', 'privileged'] as const

export interface AgentsView {
  readonly frame: Frame
  readonly agents: readonly AgentView[]
  readonly cloneCommand: string
}

export const agentsRegions = (view: AgentsView): readonly Region[] => [
  ...frameRegions(view.frame),
  ...view.agents.map(agent => {
    const id = idFor('a', agent.name)
    return region(id, <AgentRow id={id} agent={agent} />, { within: 'agents' })
  }),
]

export const AgentsPage = ({ view }: { readonly view: AgentsView }) => {
  const regions = agentsRegions(view)
  return (
    <Page frame={view.frame} title="Agents" room="agents" live={liveAddress(urls.agentsLive.to(), regions)}>
      <header class="title">
        <h1>Agents</h1>
        <p class="lead">
          Each lives in a window of the tmux session <code>ai-infrastructure</code>.
        </p>
      </header>
      {view.agents.length === 0 ? (
        <NoAgents cloneCommand={view.cloneCommand} />
      ) : (
        <table class="ledger agents">
          <thead>
            <tr>
              <th scope="col">State</th>
              <th scope="col">Agent</th>
              <th scope="col">Doing</th>
              <th scope="col">Level</th>
              <th scope="col">Health</th>
              <th scope="col">Spent today</th>
            </tr>
          </thead>
          <tbody id="agents">{raw(rowsOf(regions, 'agents'))}</tbody>
        </table>
      )}
    </Page>
  )
}

const NoAgents = ({ cloneCommand }: { readonly cloneCommand: string }) => (
  <section class="empty">
    <h2>No agents are declared</h2>
    <p>
      Name one in <code>agents.yaml</code>, give it a prompt, push.
    </p>
    <pre>
      <code>{`${cloneCommand} server\ncd server\n$EDITOR agents.yaml\ngit commit -am "a first agent" && git push`}</code>
    </pre>
  </section>
)

const AgentRow = ({ id, agent }: { readonly id: string; readonly agent: AgentView }) => (
  <tr id={id}>
    <td>
      <StateWord state={agent.status.state} />
    </td>
    <th scope="row">
      <a href={urls.agent.to(agent.name)}>
        <code>{agent.name}</code>
      </a>
    </th>
    <td class="says">{doingOf(agent)}</td>
    <td>{levelOf(agent.declaration)}</td>
    <td>
      <HealthWord health={agent.health} />
    </td>
    <td>
      <BudgetBar spent={agent.spent} budgets={agent.declaration?.policy.budgets} />
    </td>
  </tr>
)

function doingOf({ presence, status }: AgentView): string {
  if (status.message !== '') return status.message
  if (presence === undefined) return 'offline'
  return presence.doing === '' ? presence.activity : presence.doing
}

const levelOf = (declaration: AgentDeclaration | undefined): string =>
  declaration === undefined ? '–' : `${declaration.level} ${levels[declaration.level]}`

export interface AgentPageView {
  readonly frame: Frame
  readonly agent: AgentView
  readonly screen: string | undefined
  readonly talk: readonly Said[]
  readonly markdown: Markdown
  /** The task that it works on. */
  readonly current: Task | undefined
  readonly alerts: readonly Alert[]
  readonly suspension: Suspension | undefined
  readonly command: string
  readonly now: Date
}

export const agentRegions = (view: AgentPageView): readonly Region[] => [
  ...frameRegions(view.frame),
  region('alerts', <AlertList {...view} />),
  region('standing', <Standing {...view} />),
  region('wellbeing', <Wellbeing {...view} {...view.agent} budgets={view.agent.declaration?.policy.budgets} />),
  region('screen', <Screen name={view.agent.name} text={view.screen} />, { inside: 'replaced' }),
  region('silence', <Silence {...view} />),
  ...view.talk.map(each => turnRegion(each, { markdown: view.markdown, thread: undefined, now: view.now })),
]

export const AgentPage = ({ view, notice }: { readonly view: AgentPageView; readonly notice: string | undefined }) => {
  const { frame, agent, suspension, command, now } = view
  const regions = agentRegions(view)
  return (
    <Page
      frame={frame}
      title={agent.name}
      room="agents"
      live={liveAddress(urls.agentLive.to(agent.name), regions)}
      notice={notice}
    >
      <Title up={{ label: 'agents', to: urls.agents.to() }} title={agent.name} machine>
        {raw(htmlOf(regions, 'standing'))}
      </Title>
      {raw(htmlOf(regions, 'alerts'))}
      {raw(htmlOf(regions, 'wellbeing'))}
      <div class="desk">
        <section aria-labelledby="window-title">
          <h2 id="window-title">Window</h2>
          {raw(htmlOf(regions, 'screen'))}
          <p class="hint">
            In a terminal on the server: <code>{`${command} attach ${agent.name}`}</code>
          </p>
        </section>
        <section aria-labelledby="talk-title">
          <h2 id="talk-title">Conversation</h2>
          <div class="talk" tabindex={0}>
            <div class="flow">
              {raw(htmlOf(regions, 'silence'))}
              <ol id="turns" aria-live="polite">
                {raw(rowsOf(regions, 'turns'))}
              </ol>
            </div>
          </div>
          <SayForm name={agent.name} />
        </section>
      </div>
      <section class="controls" aria-label="Controls">
        <form method="post" action={urls.agentRestart.to(agent.name)}>
          <button type="submit" class="second">
            Restart
          </button>
          <p class="hint">It finishes what it is doing first.</p>
        </form>
        <SuspendPanel kind="agent" name={agent.name} suspension={suspension} now={now} />
      </section>
    </Page>
  )
}

const Standing = ({ agent, now }: AgentPageView) => (
  <div id="standing" class="standing">
    <p class="big">
      <StateWord state={agent.status.state} />
    </p>
    <p class="message">{doingOf(agent)}</p>
    <dl class="facts">
      <Fact name="Level">{levelOf(agent.declaration)}</Fact>
      <Fact name="Model">{agent.declaration?.model ?? '–'}</Fact>
      <Fact name="Process">{agent.presence?.pid ?? 'none'}</Fact>
      <Fact name="Up">{agent.presence?.startedAt === undefined ? '–' : <Ago at={agent.presence.startedAt} now={now} />}</Fact>
      <Fact name="Runs">
        <a href={urls.resource.to('agent', agent.name)}>history</a>
      </Fact>
    </dl>
  </div>
)

const Silence = ({ agent, talk }: AgentPageView) => (
  <p id="silence" class="calm">
    {talk.length === 0 ? `Nothing was said yet. Ask ${agent.name} something.` : ''}
  </p>
)

/** Comes again, empty, when a message was sent without leaving the page. */
export const SayForm = ({ name, focus = false }: { readonly name: string; readonly focus?: boolean }) => (
  <form
    id="say"
    method="post"
    action={urls.agentSay.to(name)}
    class="say-form"
    hx-post={urls.agentSay.to(name)}
    hx-swap="outerHTML"
  >
    <label for="text">Message to {name}</label>
    <textarea
      id="text"
      name="text"
      rows={2}
      required
      maxlength={50_000}
      data-enter-sends
      {...(focus ? { autofocus: true } : {})}
    ></textarea>
    <button type="submit" class="main">
      Send
    </button>
  </form>
)
