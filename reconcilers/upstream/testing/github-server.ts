import { z } from 'zod'

export interface GitHubServer extends AsyncDisposable {
  readonly url: string
  /** By commit and context, the newest word. */
  readonly statuses: Map<string, { state: string; description: string; target_url?: string | undefined }>
  /** Every status in its order: `pending`, `success`. */
  readonly told: string[]
  readonly comments: Map<number, { id: number; body: string; user: { login: string; type: 'User' | 'Bot' } }[]>
  pulls: { number: number; head: string; repo: string; base: string }[]
  /** Requests that did not look as GitHub's documentation wants them. */
  readonly wrong: string[]
  /** The next requests get these answers, one each. */
  readonly answers: (() => Response)[]
  /** `METHOD /path` of each request. */
  readonly asked: string[]
  /** Whether the token is an app's, which has no user. */
  isApp: boolean
  /** Whether the token may write statuses and comments. */
  mayWrite: boolean
  /** Answers what is below /me/config.git: Git's own side of the server. */
  git: ((request: Request) => Promise<Response>) | undefined
}

const token = 'ghp_test-token'
export const gitHubToken = token

const statusBody = z.strictObject({
  state: z.enum(['error', 'failure', 'pending', 'success']),
  context: z.string().min(1).max(255),
  description: z.string().max(140),
  target_url: z.url({ protocol: /^https?$/ }).optional(),
})
const commentBody = z.strictObject({ body: z.string().min(1).max(65_536) })

const json = (value: unknown, status = 200, headers: Record<string, string> = {}) =>
  Response.json(value, { status, headers: { 'x-ratelimit-remaining': '4999', 'x-ratelimit-limit': '5000', ...headers } })
const notFound = () => json({ message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' }, 404)

/** Too many requests in an hour, and too many at once, as GitHub says them. */
export const primaryLimit = (seconds: number) => () =>
  json({ message: 'API rate limit exceeded for user ID 1.' }, 403, {
    'x-ratelimit-remaining': '0',
    'x-ratelimit-reset': String(Math.ceil(Date.now() / 1_000) + seconds),
  })
export const secondaryLimit = (seconds: number) => () =>
  json({ message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.' }, 403, {
    'retry-after': String(seconds),
  })
export const broken = () => new Response('Unicorn!', { status: 502 })

/**
 * The part of GitHub's REST API that we speak, for the repository me/config: checks the path, the rights, the headers and the
 * body of each request, keeps state, and pages with `Link` headers.
 */
export function startGitHubServer(): GitHubServer {
  const state = {
    ...{ statuses: new Map(), told: [] as string[], comments: new Map(), pulls: [] as GitHubServer['pulls'] },
    ...{ wrong: [] as string[], answers: [] as (() => Response)[], asked: [] as string[], mayWrite: true, isApp: false },
    git: undefined as GitHubServer['git'],
  }
  let ids = 100
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    maxRequestBodySize: 256 * 1024 * 1024,
    async fetch(request) {
      const url = new URL(request.url)
      if (url.pathname.startsWith('/me/config.git/')) return (await state.git?.(request)) ?? notFound()
      state.asked.push(`${request.method} ${url.pathname}`)
      checkHeaders(request)
      const next = state.answers.shift()
      if (next !== undefined) return next()
      if (!['token', 'bearer'].some(kind => request.headers.get('authorization')?.toLowerCase() === `${kind} ${token}`)) {
        return json({ message: 'Bad credentials', status: '401' }, 401)
      }
      return answer(request, url)
    },
  })

  function checkHeaders(request: Request): void {
    if (!request.headers.get('user-agent')) state.wrong.push('no user agent')
    if (!/application\/vnd\.github(\.v3)?\+json/.test(request.headers.get('accept') ?? ''))
      state.wrong.push('no media type is asked for')
    if (request.method !== 'GET' && !request.headers.get('content-type')?.startsWith('application/json'))
      state.wrong.push('a body without its type')
  }

  async function answer(request: Request, url: URL): Promise<Response> {
    const { method } = request
    const path = `${method} ${url.pathname.replace(/^\/api\/v3/, '')}`
    if (path === 'GET /user')
      return state.isApp
        ? json({ message: 'Resource not accessible by integration', status: '403' }, 403)
        : json({ login: 'me', id: 1, type: 'User' })
    const [, sha] = /^POST \/repos\/me\/config\/statuses\/([0-9a-f]{40})$/.exec(path) ?? []
    if (sha !== undefined) return writing(request, statusBody, body => addStatus(sha, body))
    if (path === 'GET /repos/me/config/pulls') return paged(url, openPulls(url))
    const [, pull] = /^(?:GET|POST) \/repos\/me\/config\/issues\/(\d+)\/comments$/.exec(path) ?? []
    if (pull !== undefined && method === 'GET') return paged(url, state.comments.get(Number(pull)) ?? [])
    if (pull !== undefined) return writing(request, commentBody, ({ body }) => addComment(Number(pull), body))
    const [, id] = /^PATCH \/repos\/me\/config\/issues\/comments\/(\d+)$/.exec(path) ?? []
    if (id !== undefined) return writing(request, commentBody, ({ body }) => editComment(Number(id), body))
    return notFound()
  }

  async function writing<T>(request: Request, schema: z.ZodType<T>, write: (body: T) => Response): Promise<Response> {
    if (!state.mayWrite) return json({ message: 'Resource not accessible by personal access token', status: '403' }, 403)
    const body = schema.safeParse(await request.json())
    if (body.success) return write(body.data)
    state.wrong.push(z.prettifyError(body.error))
    return json({ message: 'Validation Failed', errors: body.error.issues }, 422)
  }

  function addStatus(sha: string, { context, ...status }: z.infer<typeof statusBody>): Response {
    state.statuses.set(`${sha} ${context}`, status)
    state.told.push(`${sha} ${context}: ${status.state}`)
    return json({ id: ++ids, context, ...status }, 201)
  }

  const openPulls = (url: URL) =>
    state.pulls
      .filter(({ base }) => base === url.searchParams.get('base') && url.searchParams.get('state') === 'open')
      .map(({ number, head, repo }) => ({
        number,
        state: 'open',
        head: { sha: head, ref: 'x', repo: { full_name: repo } },
        base: { ref: 'main' },
      }))

  function addComment(pull: number, body: string): Response {
    const user = state.isApp ? ({ login: 'app[bot]', type: 'Bot' } as const) : ({ login: 'me', type: 'User' } as const)
    const comment = { id: ++ids, body, user }
    state.comments.set(pull, [...(state.comments.get(pull) ?? []), comment])
    return json(comment, 201)
  }

  function editComment(id: number, body: string): Response {
    const comment = [...state.comments.values()].flat().find(each => each.id === id)
    if (comment === undefined) return notFound()
    comment.body = body
    return json(comment)
  }

  function paged(url: URL, items: readonly unknown[]): Response {
    const size = Math.min(Number(url.searchParams.get('per_page') ?? 30), 100)
    const page = Number(url.searchParams.get('page') ?? 1)
    const next = new URL(url)
    next.searchParams.set('page', String(page + 1))
    const more = page * size < items.length
    return json(items.slice((page - 1) * size, page * size), 200, more ? { link: `<${next}>; rel="next"` } : {})
  }

  return Object.assign(state, {
    url: `http://127.0.0.1:${server.port}`,
    async [Symbol.asyncDispose]() {
      await server.stop(true)
    },
  })
}
