/** @jsxImportSource hono/jsx */
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { authorOf } from '../../api/author.ts'
import type { Call, Route } from '../../door/route.ts'
import { type Declared, declaredChanges } from '../changes/declared.ts'
import { ReviewPage } from '../components/review.tsx'
import { short } from '../components/time.tsx'
import type { PortalDeps } from '../deps.ts'
import { readForm } from '../form.ts'
import { frameOf } from '../frame.ts'
import { page, seeOther } from '../reply.ts'
import { urls } from '../urls.ts'

/** What a person may do about the mirror; how it stands is on the page of changes. */
export function upstreamPages(deps: PortalDeps): readonly Route[] {
  const writes = { method: 'POST', policy: ['person'], rateLimit: { requests: 30, seconds: 60 } } as const
  return [
    {
      ...{ method: 'GET', path: urls.upstreamAdopt.path, policy: ['person'] },
      ...{ rateLimit: { requests: 60, seconds: 60 }, audit: false },
      handle: call => review(call, deps, undefined),
    },
    { ...writes, path: urls.upstreamAdopt.path, audit: 'upstream.adopted', handle: call => adopt(call, deps) },
    { ...writes, path: urls.upstreamKeep.path, audit: 'upstream.kept', handle: call => keep(call, deps) },
    {
      ...{ ...writes, path: urls.upstreamFetch.path, audit: 'upstream.fetched' },
      async handle() {
        await deps.upstream.look()
        return seeOther(`${urls.changes.to()}#upstream`)
      },
    },
  ]
}

/** The plan of what is there, made from a fetch of which nothing is kept. */
async function review(call: Call, deps: PortalDeps, again: string | undefined): Promise<Response> {
  const { upstream, engine } = deps
  const { url, main } = await upstream.standing()
  return upstream.preview(async (head, verdict) => {
    if (verdict.main === undefined) throw new ApplianceError('invalid', `${short(head)} is refused: ${verdict.lines.join('; ')}`)
    const [plan, before] = await Promise.all([engine.plan(verdict.main.state), deps.repository.read(main)])
    const view = {
      frame: frameOf(call, deps),
      room: 'changes' as const,
      up: { label: 'changes', to: urls.changes.to() },
      title: `Take ${short(head)} from ${url}`,
      plan,
      diff: undefined,
      again,
      action: urls.upstreamAdopt.to(),
      hidden: { main, head, digest: plan.digest },
      decision: 'Take it and apply',
      destructive: false,
      back: urls.changes.to(),
      children: (
        <>
          <DeclaredList changes={declaredChanges(before.ok ? before.state : undefined, verdict.main.state)} />
          <p class="hint">
            What is main here now, {short(main)}, is kept as refs/archive/main-… in the repository of the server.
          </p>
        </>
      ),
    }
    return page(<ReviewPage {...view} />, again === undefined ? 200 : 409)
  })
}

/** Rules, prompts and recipients of secrets change nothing on the server by themselves, so no plan shows them. */
const DeclaredList = ({ changes }: { readonly changes: readonly Declared[] }) => (
  <section aria-labelledby="declared-title">
    <h2 id="declared-title">What is declared otherwise there</h2>
    {changes.length === 0 ? <p class="calm">Nothing.</p> : null}
    <ul>
      {changes.slice(0, mostDeclared).map(({ operation, kind, key }) => (
        <li>
          {operation} {kind} {key}
        </li>
      ))}
    </ul>
    {changes.length > mostDeclared ? <p class="hint">And {changes.length - mostDeclared} more.</p> : null}
  </section>
)

const mostDeclared = 300

async function adopt(call: Call, deps: PortalDeps): Promise<Response> {
  const { upstream, engine } = deps
  const posted = await readForm(call.request)
  const { main } = await upstream.standing()
  const now = await upstream.preview(async (head, verdict) => ({
    head,
    digest: verdict.main === undefined ? '' : (await engine.plan(verdict.main.state)).digest,
  }))
  if (main !== posted.get('main') || now.head !== posted.get('head') || now.digest !== posted.get('digest')) {
    return review(
      call,
      deps,
      'One of the sides or the server has changed since this plan was made. This is the plan now: look at it again.',
    )
  }
  const { revision } = await upstream.adopt({ main, head: now.head })
  return seeOther(urls.change.to(revision))
}

async function keep(call: Call, { upstream }: PortalDeps): Promise<Response> {
  const posted = await readForm(call.request)
  const bound = (name: string) => {
    const text = posted.get(name)
    if (text === '' || /^[0-9a-f]{40}$/.test(text)) return text || undefined
    throw new ApplianceError('invalid', `${name} is no commit`)
  }
  await upstream.keep({ main: bound('main'), head: bound('head') }, authorOf(call.identity))
  return seeOther(`${urls.changes.to()}#upstream`)
}
