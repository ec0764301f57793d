/** @jsxImportSource hono/jsx */
import type { Budgets } from '../../../desired-state/state.ts'
import type { ResourceState } from '../../../reconcilers/engine/status.ts'
import type { Alert } from '../../../runtime/health/alerts.ts'
import type { AgentHealth, HealthStatus } from '../../../runtime/health/health.ts'
import type { DaySpent } from '../../../runtime/tasks/spending.ts'
import type { Task } from '../../../runtime/tasks/task.ts'
import { Fact } from '../components/facts.tsx'
import { StateWord } from '../components/state.tsx'
import { Ago, moment, span } from '../components/time.tsx'
import { count, dollars } from '../tasks/words.ts'
import { urls } from '../urls.ts'

const looks: Record<HealthStatus, ResourceState> = {
  healthy: 'ready',
  degraded: 'waiting',
  unhealthy: 'failed',
  offline: 'suspended',
}

export const HealthWord = ({ health }: { readonly health: AgentHealth | undefined }) =>
  health === undefined ? <>–</> : <StateWord state={looks[health.status]} word={health.status} />

interface BudgetProps {
  readonly spent: DaySpent
  readonly budgets: Budgets | undefined
}

/** How much of today's budget is gone: the one of money or of tokens that is nearer to its end. */
export const BudgetBar = ({ spent, budgets }: BudgetProps) => {
  if (budgets === undefined) return <>{dollars(spent.microdollars)}</>
  const money = share(spent.microdollars, budgets.day_usd * 1_000_000)
  const tokens = share(spent.tokens, budgets.day_tokens)
  const words = `${dollars(spent.microdollars)} of $${budgets.day_usd}, ${count(spent.tokens)} of ${count(budgets.day_tokens)} tokens`
  return (
    <span class={Math.max(money, tokens) >= 1 ? 'budget s-failed' : 'budget'} title={words}>
      <progress value={Math.max(money, tokens).toFixed(3)} max={1} aria-label={`Spent today: ${words}`}></progress>
      <small>{`${dollars(spent.microdollars)} of $${budgets.day_usd}`}</small>
    </span>
  )
}

const share = (spent: number, budget: number) => (budget <= 0 ? (spent > 0 ? 1 : 0) : Math.min(1, spent / budget))

interface WellbeingProps {
  readonly health: AgentHealth | undefined
  readonly current: Task | undefined
  readonly spent: DaySpent
  readonly budgets: Budgets | undefined
  readonly now: Date
}

/** The figures of an agent, and what it works on. */
export const Wellbeing = ({ health, current, spent, budgets, now }: WellbeingProps) => (
  <section id="wellbeing" aria-labelledby="wellbeing-title">
    <h2 id="wellbeing-title">Health</h2>
    <p class="big">
      <HealthWord health={health} /> <span class="hint">{health === undefined ? '' : sentenceOf(health)}</span>
    </p>
    <dl class="facts">
      <Fact name="Working on">{current === undefined ? 'no task' : <a href={urls.task.to(current.id)}>{current.name}</a>}</Fact>
      <Fact name="Spent today">
        <BudgetBar spent={spent} budgets={budgets} />
      </Fact>
      {health === undefined ? null : <Figures health={health} now={now} />}
    </dl>
  </section>
)

const Figures = ({ health, now }: { readonly health: AgentHealth; readonly now: Date }) => (
  <>
    <Fact name="Queue">{health.queueDepth}</Fact>
    <Fact name="Errors">{health.samples === 0 ? '–' : `${Math.round(health.errorRatePercent)} %`}</Fact>
    <Fact name="Responds in">{health.samples === 0 ? '–' : span(health.avgResponseTimeMs)}</Fact>
    <Fact name="Last hour">{`${health.tasksCompletedLastHour} done, ${health.tasksFailedLastHour} failed`}</Fact>
    <Fact name="Memory">{health.memoryUsageMb === 0 ? '–' : `${Math.round(health.memoryUsageMb)} MB`}</Fact>
    <Fact name="Processor">{`${Math.round(health.cpuPercent)} %`}</Fact>
    <Fact name="Heard">{health.lastHeartbeat === undefined ? 'never' : <Ago at={health.lastHeartbeat} now={now} />}</Fact>
  </>
)

function sentenceOf({ reason, waitingFor, stalledSince, pausedUntil, recoveryAttempts }: AgentHealth): string {
  const parts = [
    reason,
    waitingFor === '' || waitingFor.startsWith('waits ') ? waitingFor : `waits for ${waitingFor}`,
    stalledSince === undefined ? '' : `no progress since ${moment(stalledSince)}`,
    pausedUntil === undefined ? '' : `rests until ${moment(pausedUntil)}`,
    recoveryAttempts === 0 ? '' : `brought back ${recoveryAttempts} ${recoveryAttempts === 1 ? 'time' : 'times'}`,
  ]
  return parts.filter(Boolean).join('; ')
}

/** What a person has to know of an agent. */
export const AlertList = ({ alerts, now }: { readonly alerts: readonly Alert[]; readonly now: Date }) => (
  <div id="alerts">
    {alerts.map(({ id, severity, message, at, seenBy }) => (
      <div class={`alert s-${severity === 'critical' ? 'failed' : 'waiting'}`}>
        <p>
          {message} <Ago at={at} now={now} />
        </p>
        {seenBy === undefined ? (
          <form method="post" action={urls.alertSeen.to(id)}>
            <button type="submit" class="second small">
              I have seen it
            </button>
          </form>
        ) : (
          <p class="hint">seen by {seenBy.replace(/^(?:person|operator) /, '')}</p>
        )}
      </div>
    ))}
  </div>
)
