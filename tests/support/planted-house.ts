import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { type ModelServer, startModelServer } from '../../agents/testing/model-server.ts'
import { call, problem, say } from '../../agents/testing/steps.ts'
import { signIn, type Visitor } from '../../bench/sign-in.ts'
import { type RestServer, startRestServer } from '../../reconcilers/backups/testing/rest-server.ts'
import { type Pebble, startPebble } from '../../reconcilers/certificates/testing/pebble.ts'
import { type Bind, startBind } from '../../reconcilers/dns/testing/bind.ts'
import { gitOverHttp } from '../../reconcilers/upstream/testing/git-http.ts'
import { spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import { type AwsServer, startAwsServer, testKeys, testRegion } from '../../runtime/secrets/aws/testing/server.ts'
import { type Appliance, createAppliance } from './appliance.ts'
import type { Clone } from './clone.ts'
import { type OutsideServers, startOutsideServers } from './outside-servers.ts'
import { mark, type Needs, watchProcesses } from './planted.ts'

/** An appliance with every server that it can speak with, each of them opened by a marked secret. */
export interface PlantedHouse extends AsyncDisposable {
  readonly appliance: Appliance
  readonly bind: Bind
  readonly pebble: Pebble
  readonly aws: AwsServer
  readonly model: ModelServer
  readonly outside: OutsideServers
  readonly rest: RestServer
  /** A server for Git over HTTP; while `echoes` it refuses, with everything that it was told. */
  readonly git: { readonly url: string; echoes: boolean }
  readonly clone: Clone
  readonly visitor: Visitor
  readonly processes: ReturnType<typeof watchProcesses>
  /** File with every program that the runtime started. */
  readonly starts: string
  /** Every value, by where it was planted. */
  readonly planted: Map<string, string>
  plant(where: string, value?: string): string
}

/** Who may have what in its environment. */
export const needs: Needs = {
  restic: ['restic', 'rest-user', 'rest-secret'],
  git: ['git-token', 'backup-token'],
  pg_dump: ['database-url'],
}

/** Goes into HTTP headers and addresses, which have no place for others. */
const plain = (where: string) => mark(where, '/+%&=')

export async function plantedHouse(): Promise<PlantedHouse> {
  await using started = new AsyncDisposableStack()
  const planted = new Map<string, string>()
  const plant = (where: string, value = mark(where)): string => {
    planted.set(where, value)
    return value
  }
  const folder = await mkdtemp(join(tmpdir(), 'ps-'))
  started.defer(() => rm(folder, { recursive: true, force: true }))
  const appliance = started.use(await createAppliance())
  const [bind, outside] = await Promise.all([
    startBind(['example.com', 'example.net']),
    startOutsideServers({
      postgres: plant('database-url', plain('database-url')),
      redis: plant('redis-url', plain('redis-url')),
    }),
  ])
  started.use(bind)
  started.use(outside)
  const pebble = started.use(await startPebble({ httpPort: appliance.ports.http, dnsPort: bind.port }))
  const aws = started.use(startAwsServer())
  const model = startModelServer()
  started.defer(() => model.stop())
  const rest = started.use(startRestServer(plant('rest-user', plain('rest-user')), plant('rest-secret', plain('rest-secret'))))
  const git = await startGit(folder, plant('git-token', plain('git-token')))
  started.defer(() => git.stop())
  plant('tsig', bind.secret)
  const processes = watchProcesses(planted, needs, commandLine => commandLine.endsWith('/up-recorded.ts up '))
  started.defer(() => processes.stop())
  const starts = join(folder, 'starts')
  await appliance.start({
    entry: join(import.meta.dir, 'up-recorded.ts'),
    env: {
      SPAWNS: starts,
      DATABASE_URL: outside.databaseUrl,
      REDIS_URL: outside.redisUrl,
      AI_INFRA_SECRET_FROM_ENVIRONMENT: plant('environment', keyLike()),
      AI_INFRA_DATABASE_PASSWORD_SHOP: plant('database'),
      ANTHROPIC_API_KEY: plant('claude', `sk-ant-${mark('claude', '')}`),
      ANTHROPIC_BASE_URL: model.url,
      ...{ AWS_REGION: testRegion, AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url },
      ...{ AWS_ACCESS_KEY_ID: testKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: testKeys.secretAccessKey },
    },
  })
  planted.set('aws-key', testKeys.secretAccessKey)
  const clone = await appliance.clone()
  const visitor = await signIn(appliance)
  const everything = started.move()
  return {
    ...{ appliance, bind, pebble, aws, model, outside, rest, git, clone, visitor, processes, starts, planted, plant },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

/** What could be a key of TSIG. */
export const keyLike = () => Buffer.from(crypto.getRandomValues(new Uint8Array(33))).toString('base64')

async function startGit(folder: string, token: string) {
  const repository = join(folder, 'config.git')
  await spawnChecked(spawn, ['git', 'init', '-q', '--bare', '--initial-branch=main', repository])
  const answer = gitOverHttp(repository, `x-access-token:${token}`)
  const state = { echoes: false }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      if (!state.echoes) return answer(request)
      const told = request.headers.get('authorization') ?? 'nothing'
      const opened = Buffer.from(told.replace(/^Basic /, ''), 'base64').toString()
      const text = `you sent ${told}, which is ${opened}, or ${JSON.stringify({ token: opened })}`
      return new Response(text, { status: told === 'nothing' ? 401 : 403, headers: { 'content-type': 'text/plain' } })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}/me/config.git`,
    get echoes() {
      return state.echoes
    },
    set echoes(on) {
      state.echoes = on
    },
    stop: () => server.stop(true),
  }
}

/** Has an agent query databases, and another one meet a Claude that repeats the key in its refusal. */
export function scriptAgents({ model }: PlantedHouse, databases: readonly string[]): void {
  const query = (database: string) => call('database_query', { database, statement: 'select value from elsewhere.vault' })
  model.script({
    data: [call('database_list'), ...databases.map(query), say('I have looked.')],
    research: ({ apiKey }) => problem(400, 'invalid_request_error', `the key ${apiKey} is not good, ${btoa(apiKey)}`),
  })
}

const paths = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })

/** Every answer of the API that a plain GET gives, by path. */
export async function apiAnswers({ home }: Appliance): Promise<ReadonlyMap<string, string>> {
  const ask = async (path: string) => (await fetch(`http://appliance${path}`, { unix: home.apiSocket })).text()
  const described = await ask('/api/openapi.json')
  const answers = new Map([['/api/openapi.json', described]])
  for (const [path, methods] of Object.entries(paths.parse(JSON.parse(described)).paths)) {
    if ('get' in methods && !path.includes('{') && !/\/(?:ws|wait|events|stream)$/.test(path)) answers.set(path, await ask(path))
  }
  return answers
}

/** Every page that links lead to, from the first one on; at most `most`. */
export async function allPages(appliance: Appliance, { cookie }: Visitor, most = 80): Promise<ReadonlyMap<string, string>> {
  const origin = `http://127.0.0.1:${appliance.ports.portal}`
  const pages = new Map<string, string>()
  const queue = ['/']
  for (let path = queue.shift(); path !== undefined && pages.size < most; path = queue.shift()) {
    if (pages.has(path)) continue
    const response = await fetch(`${origin}${path}`, { headers: { cookie }, redirect: 'manual' })
    const text = await response.text()
    pages.set(path, text)
    for (const [, link = ''] of text.matchAll(/<a [^>]*href="(\/[^"#]*)/g)) queue.push(link.replaceAll('&amp;', '&'))
  }
  return pages
}
