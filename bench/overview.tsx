/** @jsxImportSource hono/jsx */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { Elysia } from 'elysia'
import type { ResourceState } from '../reconcilers/engine/status.ts'
import type { Appliance } from '../tests/support/appliance.ts'
import { cloneOf } from '../tests/support/clone.ts'
import { OverviewPage, type OverviewView } from '../web/portal/overview/page.tsx'
import { render } from '../web/portal/reply.ts'
import { type Figure, median } from './report.ts'
import { runningAppliance, staticSites } from './running.ts'
import { admin, signIn, type Visitor } from './sign-in.ts'

const resources = 50
const seconds = 3
const connections = 16
const rounds = 5
const warmUp = 1

/** Requests a second of the signed-in overview against a bare Elysia route that renders the same page, in turns. */
export async function benchOverview(): Promise<Figure> {
  await using appliance = await applianceOf50()
  const visitor = await signIn(appliance)
  const view = await viewOf(appliance)
  await checkSame(render(<OverviewPage view={view} />), visitor)
  const app = new Elysia().get(
    '/',
    () =>
      new Response(`<!doctype html>${render(<OverviewPage view={{ ...view, now: new Date() }} />)}`, {
        headers: { 'content-type': 'text/html; charset=utf-8' },
      }),
  )
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: app.fetch })
  const rates = { ours: [] as number[], bare: [] as number[] }
  try {
    for (let round = 0; round < rounds + warmUp; round++) {
      const bare = await wrk(`http://127.0.0.1:${server.port}/`)
      const ours = await wrk(`http://127.0.0.1:${appliance.ports.portal}/`, visitor.cookie)
      if (round < warmUp) continue
      rates.bare.push(bare)
      rates.ours.push(ours)
    }
  } finally {
    await server.stop(true)
  }
  const [mine, plain] = [median(rates.ours), median(rates.bare)]
  return {
    name: `overview page, signed in, ${resources} resources: throughput against a bare Elysia route that renders the same`,
    unit: '×',
    value: mine / plain,
    bound: 0.5,
    better: 'higher',
    detail: { 'ours/s': mine, 'bare/s': plain },
  }
}

/** As many sites as make fifty resources with the windows of the starter state. */
export async function applianceOf50(): Promise<Appliance> {
  const appliance = await runningAppliance()
  try {
    const { resources: starter } = await appliance.status()
    const clone = await cloneOf(appliance.home.repository, join(appliance.home.root, 'bench'))
    const { accepted, shown, revision } = await clone.deliver({ 'domains.yaml': staticSites(resources - starter.length) })
    if (!accepted) throw new Error(shown)
    await appliance.converged(revision)
    return appliance
  } catch (error) {
    await appliance[Symbol.asyncDispose]()
    throw error
  }
}

const states: readonly ResourceState[] = ['ready', 'reconciling', 'waiting', 'held', 'stalled', 'failed', 'suspended']

/** The appliance as its overview shows it now. */
async function viewOf(appliance: Appliance): Promise<OverviewView> {
  const status = await appliance.status()
  const all = status.resources.map(each => {
    const state = states.find(word => word === each.state)
    if (state === undefined) throw new Error(`unknown state ${each.state}`)
    return { ...each, state }
  })
  const agents = all.filter(({ kind }) => kind === 'agent').map(({ key, state }) => ({ name: key, state, activity: 'idle' }))
  return {
    frame: { hostname: hostname(), person: admin.name, theme: 'auto', path: '/', agents, pending: 0 },
    status: { ...status, resources: all },
    holds: [],
    alerts: [],
    asked: [],
    lately: all
      .filter(({ kind }) => kind === 'site')
      .slice(-30)
      .map(({ kind, key, since }) => ({
        at: since,
        outcome: 'verified',
        kind,
        key,
        summary: `serve www/${key.split('.', 1)[0]}`,
      })),
    cloneCommand: `git clone ${appliance.home.repository}`,
    now: new Date(),
  }
}

/** The comparison counts only while both render the same amount of the same markup. */
async function checkSame(bare: string, { visit }: Visitor): Promise<void> {
  const response = await visit('/')
  const bytes = await response.arrayBuffer()
  const ours = new TextDecoder().decode(response.headers.get('content-encoding') === 'gzip' ? Bun.gunzipSync(bytes) : bytes)
  const rows = (html: string) => html.split('<tr ').length - 1
  if (rows(bare) !== resources || rows(ours) !== resources) throw new Error(`${rows(ours)} and ${rows(bare)} rows`)
  if (Math.abs(ours.length / bare.length - 1) > 0.01) throw new Error(`${ours.length} and ${bare.length} characters`)
}

async function wrk(url: string, cookie?: string): Promise<number> {
  const headers = cookie === undefined ? [] : ['-H', `cookie: ${cookie}`]
  const argv = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, ...headers, url]
  const child = Bun.spawn(argv, { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
  const text = await new Response(child.stdout).text()
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`${url}: ${text}`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? Number.NaN)
}
