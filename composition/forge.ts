import { hostname } from 'node:os'
import type { DesiredState } from '../desired-state/state.ts'
import type { RunningEngine } from '../reconcilers/engine/engine.ts'
import type { ResourceStatus, RevisionPlan } from '../reconcilers/engine/status.ts'
import { createPace, noticesPace } from '../reconcilers/upstream/github/pace.ts'
import { type ReportDeps, reportToGitHub } from '../reconcilers/upstream/github/report.ts'
import { startReporting } from '../reconcilers/upstream/github/reporting.ts'
import { createReports } from '../reconcilers/upstream/github/reports.ts'
import { createSetbacks } from '../reconcilers/upstream/github/setbacks.ts'
import type { Mirror } from '../reconcilers/upstream/mirror.ts'
import { shownUrl } from '../reconcilers/upstream/remote.ts'
import { type Place, placeOfUrl } from '../runtime/secrets/place.ts'
import { planLines } from '../web/git/lines.ts'
import { declaredChanges } from '../web/portal/changes/declared.ts'
import { urls } from '../web/portal/urls.ts'
import type { Ground } from './ground.ts'

/** What is said where the upstream lives. */
export interface Forge {
  /** The upstream was asked: its pull requests may be others. */
  looked(): void
  stop(): Promise<void>
}

export interface ForgeOptions {
  readonly mirror: Mirror
  readonly merge: ReportDeps['merge']
  readonly engine: RunningEngine
}

/** Tells GitHub how its commits fare here, and what its pull requests would do. */
export function startForge(ground: Ground, { mirror, merge, engine }: ForgeOptions): Forge {
  const { repository, store, clock, secrets, redact } = ground
  const log = ground.log.with({ component: 'forge' })
  const pause = { until: 0 }
  const reports = createReports(store)
  const kept = {
    ...{ pace: createPace(clock), notices: createPace(clock, noticesPace) },
    setbacks: createSetbacks(clock, Math.random),
  }
  let pulls = true
  const report = async () => {
    const asked = pulls
    pulls = false
    try {
      const said = await reportToGitHub(
        {
          ...{ mirror, head: repository.head, read: repository.read, reports, redact, merge, log },
          ...kept,
          async connect(address, { url, token = '' }) {
            // Loaded by who has an upstream at GitHub.
            const { createGitHub } = await import('../reconcilers/upstream/github/client.ts')
            return createGitHub(address, {
              token: await secrets.value(token, `upstream ${shownUrl(url)}`, placeOfApi(address.api)),
              clock,
              pause,
            })
          },
          outcome: () => outcomeOf(engine),
          isCalm: () => isCalm(engine),
          plan: async state => publicPlanLines(await engine.plan(state)),
          declares: async state => declaredLines(engine.state(), state),
          context: `ai-infra/${hostname()}`,
          page: revision => portalPage(engine.state(), urls.change.to(revision)),
        },
        { pulls: asked },
      )
      // What is left is told with the next event, or the next look.
      pulls ||= said === 'later'
    } catch (error) {
      pulls ||= asked
      throw error
    }
  }
  const reporting = startReporting({ report, clock, log, random: Math.random })
  const stop = engine.subscribe(event => {
    if (event.type !== 'progress') reporting.wake()
  })
  return {
    looked() {
      pulls = true
      reporting.wake()
    },
    async stop() {
      stop()
      await reporting.stop()
    },
  }
}

/** GitHub's own API and its Git are one place. */
const placeOfApi = (api: string): Place => placeOfUrl(api === 'https://api.github.com' ? 'https://github.com' : api, 'git')

const mark = { create: '+', update: '~', delete: '-' } as const

/** For whoever may read the repository: why something is not looked at names hosts inside, and which secrets there are. */
export const publicPlanLines = (plan: RevisionPlan): string[] =>
  planLines({
    ...plan,
    unseen: plan.unseen.map(({ kind, key }) => ({
      ...{ kind, key },
      message: key === undefined ? 'the command line of the server says why' : 'not looked at before it is merged',
    })),
  })

/** What is said of a proposal for which nothing is looked at. */
export function declaredLines(before: DesiredState | undefined, after: DesiredState): string[] {
  const changes = declaredChanges(before, after)
  if (changes.length === 0) return [`${after.revision.slice(0, 8)} declares the same`]
  return [
    `${after.revision.slice(0, 8)} declares:`,
    ...changes.map(({ operation, kind, key }) => `  ${mark[operation]} ${kind} ${key}`),
  ]
}

/** Main is carried out, as far as it is going to be; the upstream itself is no part of a plan. */
export function isCalm(engine: Pick<RunningEngine, 'status' | 'state'>): boolean {
  const { desired, resources } = engine.status()
  const moving = resources.some(({ kind, state }) => kind !== 'upstream' && state === 'reconciling')
  return !moving && engine.state()?.revision === desired
}

/** How far main is reached. The upstream itself is not counted: it is where this is read. */
export function outcomeOf(engine: Pick<RunningEngine, 'status' | 'holds'>) {
  const { resources: all } = engine.status()
  const resources = all.filter(({ kind }) => kind !== 'upstream')
  const [held] = engine.holds()
  if (held !== undefined)
    return { state: 'pending', description: `held until somebody approves ${held.id}: ${held.reason}` } as const
  const broken = resources.find(({ state }) => state === 'failed' || state === 'stalled')
  if (broken !== undefined) return { state: 'failure', description: openText(broken) } as const
  const open = resources.find(({ state }) => state === 'reconciling' || state === 'waiting')
  if (open !== undefined) return { state: 'pending', description: openText(open) } as const
  return { state: 'success', description: `converged: ${resources.length} resources are as declared` } as const
}

const openText = ({ kind, key, state, message }: ResourceStatus) => `${kind}/${key} ${state}: ${message}`

function portalPage(state: DesiredState | undefined, path: string): string | undefined {
  const portal = [...(state?.domains.values() ?? [])].find(({ kind }) => kind === 'portal')
  return portal === undefined ? undefined : `https://${portal.host}${path}`
}
