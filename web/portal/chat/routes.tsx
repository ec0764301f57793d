/** @jsxImportSource hono/jsx */
import type { Call, Route } from '../../door/route.ts'
import { watchTalk } from '../agents/talk.ts'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { readForm } from '../form.ts'
import { frameOf, personOf } from '../frame.ts'
import { type LiveSource, liveStream } from '../live/stream.ts'
import { loadMarkdown } from '../markdown/markdown.ts'
import { noticeOf } from '../notices.ts'
import { subscribeToBoth } from '../overview/routes.tsx'
import { fragment, fromHtmx, page, seeOther } from '../reply.ts'
import { urls } from '../urls.ts'
import { Composer, longestMessage } from './composer.tsx'
import { interlocutor, partsOf, threadsOf } from './conversations.ts'
import { ChatPage, type ChatView, chatRegions, NewChatPage } from './page.tsx'

/** Milliseconds in which changes of a conversation are gathered: a reader should not see the pieces wait. */
const gather = 15

const mostShown = 60

export function chatRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], rateLimit: { requests: 600, seconds: 60 }, audit: false } as const
  const writes = { method: 'POST', policy: ['person'], rateLimit: { requests: 60, seconds: 60 } } as const
  return [
    { ...reads, path: urls.chat.path, handle: () => newest(deps) },
    { ...reads, path: urls.chatNew.path, handle: call => newChat(call, deps) },
    {
      ...reads,
      path: urls.chatThread.path,
      handle: async call => {
        const view = await viewOf(call, deps)
        return view === undefined ? gone(call, deps) : page(<ChatPage view={view} notice={noticeOf(call)} />)
      },
    },
    { ...reads, path: urls.chatLive.path, handle: call => watch(call, deps) },
    { ...writes, path: urls.chatBegin.path, audit: 'chat-begin', handle: call => begin(call, deps) },
    { ...writes, path: urls.chatSay.path, audit: 'chat-say', handle: call => say(call, deps) },
  ]
}

const gone = (call: Call, deps: PortalDeps) => missing(call, deps, 'There is no such conversation.')

async function newest(deps: PortalDeps): Promise<Response> {
  const [first] = await threadsOf(deps.agents)
  return seeOther(first === undefined ? urls.chatNew.to() : urls.chatThread.to(first.id))
}

async function newChat(call: Call, deps: PortalDeps): Promise<Response> {
  const text = (call.url.searchParams.get('text') ?? '').slice(0, longestMessage)
  const threads = await threadsOf(deps.agents)
  return page(<NewChatPage frame={frameOf(call, deps)} threads={threads} now={deps.clock.now()} composer={{ text }} />)
}

async function viewOf(call: Call, deps: PortalDeps, read = () => deps.agents.conversation(interlocutor, mostShown)) {
  const threads = await threadsOf(deps.agents)
  const thread = threads.find(each => each.id === call.params.thread)
  if (thread === undefined) return undefined
  const [said, markdown] = await Promise.all([read(), loadMarkdown()])
  const view: ChatView = {
    frame: frameOf(call, deps),
    threads,
    thread,
    said: said.map(each => ({ ...each, parts: partsOf(each) })),
    markdown,
    now: deps.clock.now(),
  }
  return view
}

async function watch(call: Call, deps: PortalDeps): Promise<Response> {
  if ((await viewOf(call, deps)) === undefined) return gone(call, deps)
  let changed = () => {}
  const talk = watchTalk(deps.agents, interlocutor, () => changed())
  const source: LiveSource = {
    async regions() {
      const view = await viewOf(call, deps, talk.read)
      return view === undefined ? [] : chatRegions(view)
    },
    subscribe(listener) {
      changed = listener
      const stopBoth = subscribeToBoth(deps, listener)
      return () => {
        stopBoth()
        talk.stop()
      }
    },
  }
  return liveStream(call, source, { ...deps, gather })
}

const mistakesOf = (text: string): readonly string[] => {
  if (text === '') return ['Write something first.']
  return text.length > longestMessage ? [`A message has at most 50,000 characters; this one has ${text.length}.`] : []
}

async function begin(call: Call, deps: PortalDeps): Promise<Response> {
  const text = (await readForm(call.request)).get('text')
  const mistakes = mistakesOf(text)
  if (mistakes.length > 0) {
    const threads = await threadsOf(deps.agents)
    const composer = { text, mistakes }
    return page(<NewChatPage frame={frameOf(call, deps)} threads={threads} now={deps.clock.now()} composer={composer} />, 422)
  }
  await deps.agents.say(interlocutor, text, personOf(call))
  return seeOther(urls.chatThread.to(interlocutor))
}

async function say(call: Call, deps: PortalDeps): Promise<Response> {
  const thread = call.params.thread ?? ''
  const text = (await readForm(call.request)).get('text')
  const mistakes = mistakesOf(text)
  if (mistakes.length > 0) {
    const composer = { text, mistakes, focus: true }
    if (fromHtmx(call)) return fragment(<Composer thread={thread} {...composer} />, 422)
    const view = await viewOf(call, deps)
    return view === undefined ? gone(call, deps) : page(<ChatPage view={view} composer={composer} />, 422)
  }
  await deps.agents.say(interlocutor, text, personOf(call))
  return fromHtmx(call) ? fragment(<Composer thread={thread} focus />) : seeOther(`${urls.chatThread.to(thread)}#say`)
}
