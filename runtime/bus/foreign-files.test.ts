import { afterAll, beforeAll, expect, test } from 'bun:test'
import { randomUUID } from 'node:crypto'
import type { Need } from '../policy/action.ts'
import { startTestStore, type TestStore } from '../store/testing/postgres.ts'
import { strangersIn } from './foreign-files.ts'
import { createThreads, inheritFromTasks, inheritTaint, isTainted, taint } from './threads.ts'

let database: TestStore
beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(async () => {
  await database[Symbol.asyncDispose]()
}, 60_000)

const places = { workspace: '/h/workspaces/code', www: '/h/www', projects: '/h/projects', logs: '/h/logs' }
const now = new Date()
const threads = () => createThreads(database.store)
const taskThread = (id: string, agent = 'code') =>
  threads().ofTask({ id, name: `task ${id.slice(0, 4)}`, by: 'supervisor' }, agent, now)

const own = randomUUID()
const reads = async (need: Need, agent = 'code') =>
  strangersIn(database.store, { agent, thread: own, task: undefined }, [need], places)
const read = (path: string): Need => ({ kind: 'read', path })
const run = (script: string, cwd = `/h/workspaces/code/working/${own}`): Need => ({
  ...{ kind: 'run', argv: ['bash', '-c', script], cwd, env: [], files: [] },
})

test('logs are text of strangers, however they are named', async () => {
  expect(await reads(read('/h/logs/nginx-access.log'))).toBe('the log nginx-access.log')
  expect(await reads(run('tail -n 5 ../../../../logs/nginx-access.log'))).toBe('the log nginx-access.log')
  expect(await reads(run('grep x "/h/logs/a.log"|head'))).toBe('the log a.log')
  expect(await reads(read('/h/www/index.html'))).toBeUndefined()
  expect(await reads(run('ls -la; git log'))).toBeUndefined()
})

test('what conversations with such text left in the workspace is text of strangers for the others', async () => {
  const agent = `a${randomUUID().slice(0, 6)}`
  const clean = randomUUID()
  const dirty = randomUUID()
  for (const id of [clean, dirty]) await taskThread(id, agent)
  const { store } = database
  expect(await reads(read('/h/workspaces/code/downloads/page.html'), agent)).toBeUndefined()
  await taint(store, (await taskThread(dirty, agent)).id, 'evil.example')
  expect(await reads(read('/h/workspaces/code/downloads/page.html'), agent)).toBe(
    'downloads/ of its workspace, where other conversations write',
  )
  expect(await reads(read(`/h/workspaces/code/working/${dirty}/x`), agent)).toStartWith('files of task')
  expect(await reads(read(`/h/workspaces/code/working/${clean}/x`), agent)).toBeUndefined()
  expect(await reads(read(`/h/workspaces/code/working/${own}/x`), agent)).toBeUndefined()
  expect(await reads(run(`cat ../${dirty}/x`), agent)).toStartWith('files of task')
})

test('a project that such a conversation submitted to is text of strangers, also for who publishes it', async () => {
  const { store } = database
  const [work, thread] = [randomUUID(), (await taskThread(randomUUID())).id]
  await store`
    INSERT INTO utterance (id, agent, thread, role, by_name, text, state, at)
    VALUES (${work}, 'code', ${thread}, 'event', 'supervisor', '', 'done', ${now})`
  await store`
    INSERT INTO agent_action (id, agent, work, call, attempt, tool, title, request, state, event, dispatched_at)
    VALUES (${randomUUID()}, 'code', ${work}, 'c', 1, 'project.submit', 'submit bakery', '', 'done', '{}', ${now})`
  const publish: Need = { kind: 'verb', verb: 'deploy.publish', input: { project: 'bakery' } }
  expect(await reads(publish)).toBeUndefined()
  await taint(store, thread, 'evil.example')
  for (const need of [publish, read('/h/projects/bakery.git'), run('git -C /h/projects/bakery.git log')])
    expect(await reads(need)).toBe('the project bakery')
  expect(await reads({ kind: 'verb', verb: 'deploy.publish', input: { project: 'cafe' } })).toBeUndefined()
})

test('a task inherits from who asked, from tasks before it, from a finding that sent it back, and from who handed it on', async () => {
  const { store } = database
  const graph = randomUUID()
  const given = async (of: { thread?: string; dependsOn?: readonly string[]; id?: string }) => {
    const id = of.id ?? randomUUID()
    const thread = await taskThread(id, 'infra')
    await inheritTaint(store, thread.id, { id, graph, thread: of.thread, dependsOn: of.dependsOn ?? [] })
    return isTainted(store, thread.id)
  }
  const tainted = async (agent = 'research', id = randomUUID()) => {
    const thread = await taskThread(id, agent)
    await taint(store, thread.id, 'evil.example')
    return { task: id, thread: thread.id }
  }
  const source = await tainted()
  expect(await given({})).toBe(false)
  expect(await given({ thread: source.thread })).toBe(true)
  expect(await given({ dependsOn: [source.task] })).toBe(true)
  const sentBack = randomUUID()
  await store`INSERT INTO task_dependency (needs, task) VALUES (${sentBack}, ${source.task})`
  expect(await given({ id: sentBack })).toBe(true)
  const handed = await tainted('code')
  expect(await given({ id: handed.task })).toBe(true)
  const chat = await threads().open('supervisor', 'x', 'ada', now)
  await inheritFromTasks(store, chat.id, [randomUUID()])
  expect(await isTainted(store, chat.id)).toBe(false)
  await inheritFromTasks(store, chat.id, [source.task])
  expect(await isTainted(store, chat.id)).toBe(true)
})
