import { type Clock, systemClock } from '../../../runtime/os/clock.ts'
import type { ApplianceError } from '../../../runtime/os/errors.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import type { Store } from '../../../runtime/store/store.ts'
import { createGitHub } from '../github/client.ts'
import { createPace, noticesPace, plansPace } from '../github/pace.ts'
import { type ReportDeps, reportToGitHub } from '../github/report.ts'
import { createReports } from '../github/reports.ts'
import { createSetbacks } from '../github/setbacks.ts'
import { gitOverHttp } from './git-http.ts'
import { type GitHubServer, gitHubToken, startGitHubServer } from './github-server.ts'
import { declared, type Rig, type Rigs } from './rig.ts'

export const context = 'ai-infra/test'

export interface Scene extends AsyncDisposable {
  readonly it: Rig
  readonly github: GitHubServer
  readonly pause: { until: number }
  outcome: ReturnType<ReportDeps['outcome']>
  isCalm: boolean
  /** What becomes of refs that cannot be fetched. */
  readonly broken: Map<string, ApplianceError>
  /** Hosts over which planning throws. */
  readonly breaks: Set<string>
  /** Refs that somebody has tried to fetch. */
  readonly fetched: string[]
  /** States whose world was looked at. */
  readonly planned: (readonly string[])[]
  declare(more: Readonly<Record<string, unknown>>): Promise<void>
  report(): ReturnType<typeof reportToGitHub>
}

export interface SceneOptions {
  readonly clock?: Clock
  readonly plans?: { readonly minute: number; readonly hour: number }
}

/** A mirror of a repository on the test server, both the same. */
export async function openScene(
  rigs: Rigs,
  store: Store,
  more: Readonly<Record<string, unknown>> = {},
  { clock = systemClock, plans = plansPace }: SceneOptions = {},
): Promise<Scene> {
  const it = await rigs.open({ secrets: { TOKEN: gitHubToken } })
  await store`DELETE FROM forge_report`
  const github = startGitHubServer()
  github.git = gitOverHttp(it.upstream, `x-access-token:${gitHubToken}`)
  const declare = (words: Readonly<Record<string, unknown>>) =>
    it.mirror.follow(declared(`${github.url}/me/config.git`, { token: 'secret:TOKEN', api: github.url, ...words }))
  await declare(more)
  const head = await it.head()
  await it.records.update({ head, agreed: head, seenAt: new Date() })
  const made: Scene = {
    ...{ it, github, pause: { until: 0 }, planned: [], fetched: [], broken: new Map(), breaks: new Set(), isCalm: true, declare },
    outcome: { state: 'success', description: 'converged: 3 resources are as declared' },
    report: () => reportToGitHub(deps, { pulls: true }),
    async [Symbol.asyncDispose]() {
      await github[Symbol.asyncDispose]()
      await it[Symbol.asyncDispose]()
    },
  }
  const deps: ReportDeps = {
    ...{ head: it.repository.head, read: it.repository.read, reports: createReports(store), context },
    mirror: {
      followed: it.mirror.followed,
      borrow(ref, use) {
        made.fetched.push(ref)
        const broken = made.broken.get(ref)
        return broken === undefined ? it.mirror.borrow(ref, use) : Promise.reject(broken)
      },
    },
    merge: it.exchange.merge,
    ...{ pace: createPace(clock, plans), notices: createPace(clock, noticesPace), setbacks: createSetbacks(clock, () => 0.5) },
    log: silentLog,
    connect: async address => createGitHub(address, { token: gitHubToken, clock: systemClock, pause: made.pause }),
    outcome: () => made.outcome,
    isCalm: () => made.isCalm,
    async plan({ revision, domains, settings }) {
      if ([...domains.keys()].some(host => made.breaks.has(host))) throw new TypeError('a mistake of ours')
      made.planned.push([revision, `look every ${settings.look_interval_seconds} s`, ...domains.keys()])
      return [`plan for ${revision.slice(0, 8)}:`, ...[...domains.keys()].map(host => `  + site  ${host}  with s3cret`)]
    },
    declares: async ({ domains }) => ['declares:', ...domains.keys()],
    redact: text => text.replaceAll('s3cret', '[redacted]'),
    page: revision => `https://portal.example.com/changes/${revision}`,
  }
  return made
}

/** An open pull request from a branch on main. */
export async function propose({ it, github }: Scene, number: number, text: string, repo = 'me/config'): Promise<string> {
  const onto = await it.headThere()
  const head = await it.there({ 'domains.yaml': text }, { ref: `refs/pull/${number}/head`, onto })
  github.pulls = [...github.pulls.filter(pull => pull.number !== number), { number, head, repo, base: 'main' }]
  return head
}

export const ours = ({ github }: Scene, number = 7) =>
  (github.comments.get(number) ?? []).filter(({ user }) => user.login === 'me').map(({ body }) => body)
