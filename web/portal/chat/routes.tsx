/** @jsxImportSource hono/jsx */
import type { Thread } from '../../../runtime/bus/agents.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { nameOf } from '../../door/door.ts'
import type { Call, Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { readForm } from '../form.ts'
import { frameOf, personOf } from '../frame.ts'
import { noticeOf, withNotice } from '../notices.ts'
import { fragment, fromHtmx, page, seeOther } from '../reply.ts'
import { activeStates, ended } from '../tasks/words.ts'
import { urls } from '../urls.ts'
import { Composer, type ComposerProps } from './composer.tsx'
import { chatOf, chatsOf, interlocutor, titleFrom } from './conversations.ts'
import { Rating } from './feedback.tsx'
import { liveChat } from './live.ts'
import { longestMessage, readDraft } from './message-form.ts'
import { NewChatPage } from './new-page.tsx'
import { ChatPage } from './page.tsx'
import { SearchPage } from './search-page.tsx'
import { chatView, hindranceOf, raterOf, shownOf, surroundings } from './view.ts'
import { readThread } from './watch.ts'

type Handler = (call: Call, deps: PortalDeps, thread: Thread) => Response | Promise<Response>

export function chatRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], rateLimit: { requests: 600, seconds: 60 }, audit: false } as const
  const writes = { method: 'POST', policy: ['person'], rateLimit: { requests: 60, seconds: 60 } } as const
  const inThread = (handle: Handler) => async (call: Call) => {
    const thread = await chatOf(deps.agents, call.params.thread)
    return thread === undefined ? missing(call, deps, 'There is no such conversation.') : handle(call, deps, thread)
  }
  return [
    { ...reads, path: urls.chat.path, handle: call => newest(call, deps) },
    { ...reads, path: urls.chatNew.path, handle: call => newChat(call, deps) },
    { ...writes, path: urls.chatBegin.path, audit: 'chat-begin', handle: call => begin(call, deps) },
    { ...reads, path: urls.chatThread.path, handle: inThread(showChat) },
    { ...reads, path: urls.chatLive.path, handle: inThread(liveChat) },
    { ...writes, path: urls.chatSay.path, audit: 'chat-say', handle: inThread(say) },
    { ...writes, path: urls.chatRename.path, audit: 'chat-rename', handle: inThread(rename) },
    { ...writes, path: urls.chatArchive.path, audit: 'chat-archive', handle: inThread(archive) },
    { ...writes, path: urls.chatForget.path, audit: 'chat-delete', handle: inThread(forget) },
    { ...writes, path: urls.chatStop.path, audit: 'chat-stop', handle: inThread(stop) },
    { ...writes, path: urls.chatRetry.path, audit: 'chat-retry', handle: inThread(retry) },
    { ...writes, path: urls.chatCancel.path, audit: 'chat-cancel', handle: inThread(cancel) },
    { ...writes, path: urls.chatRate.path, audit: 'chat-rate', handle: inThread(rate) },
  ]
}

async function newest(call: Call, deps: PortalDeps): Promise<Response> {
  const { agents } = deps
  const words = (call.url.searchParams.get('words') ?? '').trim().slice(0, 200)
  if (words !== '') {
    const found = await agents.searchThreads(interlocutor, words)
    return page(<SearchPage frame={frameOf(call, deps)} words={words} found={found} now={deps.clock.now()} />)
  }
  const first = (await chatsOf(agents)).find(({ archived }) => !archived)
  return seeOther(first === undefined ? urls.chatNew.to() : urls.chatThread.to(first.id))
}

async function newChatPage(call: Call, deps: PortalDeps, composer: Omit<ComposerProps, 'thread'>, status = 200) {
  const threads = await chatsOf(deps.agents)
  const view = { frame: frameOf(call, deps), threads, hindrance: hindranceOf(deps), now: deps.clock.now(), composer }
  return page(<NewChatPage {...view} notice={noticeOf(call)} />, status)
}

function newChat(call: Call, deps: PortalDeps): Promise<Response> {
  const text = (call.url.searchParams.get('text') ?? '').slice(0, longestMessage)
  return newChatPage(call, deps, { text })
}

async function begin(call: Call, deps: PortalDeps): Promise<Response> {
  const { text, attachments, mistakes } = await readDraft(call.request)
  if (mistakes.length > 0) return newChatPage(call, deps, { text, mistakes }, 422)
  const by = personOf(call)
  const thread = await deps.agents.openThread(interlocutor, titleFrom(text) || 'Files', by)
  await deps.agents.say(interlocutor, text, by, { thread: thread.id, attachments })
  return seeOther(urls.chatThread.to(thread.id))
}

const showChat: Handler = (call, deps, thread) => chatPage(call, deps, thread, {})

async function chatPage(call: Call, deps: PortalDeps, thread: Thread, composer: Omit<ComposerProps, 'thread'>, status = 200) {
  const standing = await readThread(deps.agents, thread, shownOf(call))
  const view = chatView(call, deps, standing, await surroundings(call, deps, thread, standing, new Set()))
  return page(<ChatPage view={view} composer={composer} notice={noticeOf(call)} />, status)
}

const say: Handler = async (call, deps, thread) => {
  const { text, attachments, mistakes } = await readDraft(call.request)
  if (mistakes.length > 0) {
    const composer = { text, mistakes, focus: true }
    return fromHtmx(call)
      ? fragment(<Composer thread={thread.id} {...composer} />, 422)
      : chatPage(call, deps, thread, composer, 422)
  }
  await deps.agents.say(interlocutor, text, personOf(call), { thread: thread.id, attachments })
  return fromHtmx(call) ? fragment(<Composer thread={thread.id} focus />) : backTo(call, thread)
}

/** Where a browser without scripts goes on; htmx needs nothing, the stream brings what changed. */
const backTo = (call: Call, thread: Thread): Response =>
  fromHtmx(call) ? new Response(null, { status: 204 }) : seeOther(`${urls.chatThread.to(thread.id)}#say`)

const rename: Handler = async (call, deps, thread) => {
  const title = (await readForm(call.request)).get('title')
  if (title === '' || title.length > 200) {
    throw new ApplianceError('invalid', 'a name has 1 to 200 characters', { hint: 'write a shorter one' })
  }
  await deps.agents.changeThread(thread.id, { title })
  return seeOther(urls.chatThread.to(thread.id))
}

const archive: Handler = async (call, deps, thread) => {
  const archived = (await readForm(call.request)).get('archived') === 'yes'
  await deps.agents.changeThread(thread.id, { archived })
  return seeOther(archived ? urls.chat.to() : urls.chatThread.to(thread.id))
}

const forget: Handler = async (_call, { agents, tasks }, thread) => {
  const open = await tasks.list({ thread: thread.id, states: activeStates, limit: 1 })
  if (open.length > 0 || (await agents.forgetThread(thread.id)) === 'busy') {
    throw new ApplianceError('invalid', 'somebody still works for this conversation', { hint: 'stop or cancel that first' })
  }
  return seeOther(withNotice(urls.chatNew.to(), 'chat-deleted'))
}

const stop: Handler = async (call, deps, thread) => {
  const work = await workIn(call, deps, thread)
  if (work !== undefined) await deps.agents.stopAnswer(work, nameOf(call.identity))
  return backTo(call, thread)
}

const retry: Handler = async (call, deps, thread) => {
  const work = await workIn(call, deps, thread)
  if (work !== undefined) await deps.agents.askAgain(work)
  return backTo(call, thread)
}

/** The question that a form names, when it was said in this conversation. */
async function workIn(call: Call, { agents }: PortalDeps, { agent, id }: Thread): Promise<string | undefined> {
  const work = (await readForm(call.request)).get('work')
  return (await agents.conversation(agent, shownOf(call), id)).find(each => each.id === work)?.id
}

const cancel: Handler = async (call, deps, thread) => {
  const by = nameOf(call.identity)
  for (const task of await deps.tasks.list({ thread: thread.id })) if (!ended(task)) await deps.tasks.cancel(task.id, by)
  return backTo(call, thread)
}

const rate: Handler = async (call, deps, thread) => {
  const id = call.params.utterance ?? ''
  const rating = Number((await readForm(call.request)).get('rating'))
  if (!Number.isSafeInteger(rating) || rating < 1 || rating > 10) {
    throw new ApplianceError('invalid', 'a rating is a number from 1 to 10', { hint: 'press one of the ten' })
  }
  const said = (await deps.agents.conversation(thread.agent, 1_000, thread.id)).find(each => each.id === id)
  if (said?.role !== 'agent') return missing(call, deps, 'There is no such answer.')
  await deps.ratings.rate(id, raterOf(call), rating)
  return fromHtmx(call) ? fragment(<Rating thread={thread.id} said={{ ...said, rating }} />) : backTo(call, thread)
}
