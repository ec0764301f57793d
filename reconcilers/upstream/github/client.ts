import { Octokit } from '@octokit/core'
import { paginateRest } from '@octokit/plugin-paginate-rest'
import { z } from 'zod'
import type { Clock } from '../../../runtime/os/clock.ts'
import { ApplianceError, explain } from '../../../runtime/os/errors.ts'

/** What a commit is said to be, beside it on GitHub. */
export interface CommitStatus {
  readonly state: 'pending' | 'success' | 'failure'
  /** Names who says it: one status for each context. */
  readonly context: string
  /** At most 140 characters. */
  readonly description: string
  readonly target?: string | undefined
}

export interface Pull {
  readonly number: number
  readonly head: string
  /** Its branch belongs to somebody else's copy of the repository. */
  readonly fork: boolean
}

/** What is said on GitHub about one repository. Every call throws `waiting` while GitHub asks for patience. */
export interface GitHub {
  setStatus(revision: string, status: CommitStatus): Promise<void>
  /** Open ones into a branch: those that changed last, {@link mostPulls} at most. */
  pulls(branch: string): Promise<readonly Pull[]>
  addComment(pull: number, body: string): Promise<string>
  /** False: it is gone. */
  editComment(id: string, body: string): Promise<boolean>
  /** Our own comment with this text in it; undefined when there is none. */
  findComment(pull: number, text: string): Promise<string | undefined>
}

export interface GitHubAddress {
  /** `https://api.github.com`. */
  readonly api: string
  readonly owner: string
  readonly repo: string
}

export interface GitHubDeps {
  readonly token: string
  readonly clock: Clock
  /** Nothing is asked before; kept by the caller, so that it holds for every client. */
  readonly pause: { until: number }
}

/** Milliseconds that one request may take. */
const patience = 15_000
/** Seconds that GitHub wants to be left alone when it does not say for how long. */
const usualPause = 60

/** Milliseconds; its limits begin anew each hour. */
const longestPause = 2 * 3_600_000

/** Open pull requests that are looked at; whoever opens many cannot keep us busy with listing them. */
export const mostPulls = 500
const pageSize = 100

const Client = Octokit.plugin(paginateRest)

export function createGitHub({ api, owner, repo }: GitHubAddress, { token, clock, pause }: GitHubDeps): GitHub {
  const at = { owner, repo }
  const octokit = new Client({
    ...{ auth: token, baseUrl: api, userAgent: 'ai-infrastructure' },
    request: {
      fetch: (url: string, init: RequestInit) =>
        fetch(url, { ...init, signal: AbortSignal.timeout(patience), redirect: 'error' }),
    },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  })
  const asking = async <T>(what: string, ask: () => Promise<T>): Promise<T> => {
    const left = pause.until - clock.now().getTime()
    // Further away than GitHub ever asks for: the clock was set back.
    if (left > 0 && left <= longestPause)
      throw new ApplianceError('waiting', `GitHub wants to be left alone for ${Math.ceil(left / 1_000)} s`)
    try {
      return await ask()
    } catch (error) {
      throw refusal(error, `${owner}/${repo}: ${what}`, clock, pause)
    }
  }
  let login: Promise<string | undefined> | undefined
  const ourselves = () => {
    // A token of an app has no user. Its comments are a bot's, and a person's that says the same is not to be written over.
    login ??= octokit.request('GET /user').then(
      ({ data }) => data.login,
      () => undefined,
    )
    return login
  }
  return {
    setStatus: (sha, { state, context, description, target }) =>
      asking('statuses', async () => {
        const target_url = target === undefined ? {} : { target_url: target }
        await octokit.request('POST /repos/{owner}/{repo}/statuses/{sha}', {
          ...at,
          sha,
          state,
          context,
          description,
          ...target_url,
        })
      }),
    pulls: base =>
      asking('pull requests', async () => {
        const order = { sort: 'updated', direction: 'desc' } as const
        const pages = octokit.paginate.iterator('GET /repos/{owner}/{repo}/pulls', {
          ...{ ...at, ...order, base, state: 'open', per_page: pageSize },
        })
        const found: Pull[] = []
        for await (const { data } of pages) {
          for (const { number, head } of data) {
            const fork = head.repo?.full_name.toLowerCase() !== `${owner}/${repo}`.toLowerCase()
            found.push({ number, head: head.sha, fork })
          }
          if (found.length >= mostPulls) break
        }
        return found.slice(0, mostPulls)
      }),
    addComment: (issue_number, body) =>
      asking('comments', async () => {
        const { data } = await octokit.request('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', {
          ...at,
          issue_number,
          body,
        })
        return String(data.id)
      }),
    editComment: (id, body) =>
      asking('comments', async () => {
        try {
          await octokit.request('PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', {
            ...at,
            comment_id: Number(id),
            body,
          })
          return true
        } catch (error) {
          if (answerOf(error)?.status === 404) return false
          throw error
        }
      }),
    findComment: (issue_number, text) =>
      asking('comments', async () => {
        const us = await ourselves()
        const pages = octokit.paginate.iterator('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', {
          ...at,
          issue_number,
          per_page: 100,
        })
        for await (const { data } of pages) {
          const ours = data.find(
            ({ body, user }) => body?.includes(text) && (us === undefined ? user?.type === 'Bot' : user?.login === us),
          )
          if (ours !== undefined) return String(ours.id)
        }
        return undefined
      }),
  }
}

const answerShape = z.object({
  status: z.number(),
  message: z.string(),
  response: z.object({ headers: z.record(z.string(), z.union([z.string(), z.number()]).optional()) }).optional(),
})

const answerOf = (error: unknown) => answerShape.safeParse(error).data

/** GitHub's own words, and what they mean for us. */
function refusal(error: unknown, subject: string, clock: Clock, pause: { until: number }): ApplianceError {
  const answer = answerOf(error)
  if (answer === undefined)
    return new ApplianceError('failed', `GitHub does not answer: ${explain(error)}`, { subject, cause: error })
  const { status, message, response } = answer
  const headers = response?.headers ?? {}
  const limited =
    status === 429 ||
    (status === 403 &&
      (headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0' || /rate limit/i.test(message)))
  if (limited) {
    pause.until = pauseUntil(headers, clock.now().getTime())
    return new ApplianceError('waiting', `GitHub asks for patience: ${message}`, { subject })
  }
  if (status === 401) return new ApplianceError('stalled', 'GitHub does not know the token', { subject, hint: 'has it expired?' })
  if (status === 403 || status === 404) {
    return new ApplianceError('stalled', `GitHub answers ${status}, as to whoever has no right`, {
      subject,
      hint: 'give the token the permissions that docs/upstream.md names',
    })
  }
  return new ApplianceError(status >= 500 ? 'failed' : 'stalled', `GitHub answers ${status}: ${message}`, { subject })
}

function pauseUntil(headers: Readonly<Record<string, string | number | undefined>>, now: number): number {
  const after = Number(headers['retry-after'])
  if (after > 0) return now + after * 1_000
  const reset = Number(headers['x-ratelimit-reset']) * 1_000
  return reset > now ? reset : now + usualPause * 1_000
}
