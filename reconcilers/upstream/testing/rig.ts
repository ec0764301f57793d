import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { upstreamSchema } from '../../../desired-state/documents/upstream.ts'
import { createExchange, type Exchange } from '../../../desired-state/git/exchange.ts'
import { hooksFolder, initRepository } from '../../../desired-state/git/init.ts'
import { createRepository } from '../../../desired-state/git/repository.ts'
import { judgeAdoption, judgePush } from '../../../desired-state/push.ts'
import type { Repository } from '../../../desired-state/repository.ts'
import type { UpstreamRepository } from '../../../desired-state/state.ts'
import { systemClock } from '../../../runtime/os/clock.ts'
import { type Home, homeAt } from '../../../runtime/os/home.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import { minimalEnvironment, spawn } from '../../../runtime/os/spawn.ts'
import type { Store } from '../../../runtime/store/store.ts'
import { createKnownSecrets } from '../../../runtime/telemetry/known-secrets.ts'
import { createRedactor } from '../../../runtime/telemetry/redact.ts'
import { createMirror, type Mirror, type MirrorDeps } from '../mirror.ts'
import { createRecords, type Records } from '../records.ts'
import { withRemote } from '../remote.ts'

export const author = { name: 'Ada', email: 'ada@example.com' }

/** A mirror of a home's repository, with what it stands on. */
export interface House {
  readonly home: Home
  readonly repository: Repository
  readonly exchange: Exchange
  readonly records: Records
  readonly mirror: Mirror
  /** Actions that the audit got. */
  readonly audited: string[]
}

export interface HouseOptions {
  readonly secrets?: Readonly<Record<string, string>>
  readonly step?: (name: string) => void
  readonly patience?: number
}

/** The mirror as the composition makes it, without an engine. */
export async function openHouse(home: Home, store: Store, options: HouseOptions = {}): Promise<House> {
  const repository = createRepository(home)
  const exchange = createExchange(home)
  const records = createRecords(store)
  await records.load()
  const audited: string[] = []
  const secret = async (reference: string) => options.secrets?.[reference.replace('secret:', '')] ?? ''
  const redact = createRedactor(createKnownSecrets(...Object.values(options.secrets ?? {})))
  const deps: MirrorDeps = {
    ...{ repository, exchange, records, clock: systemClock, log: silentLog, command: 'ai-infra' },
    reach: (declared, use) => withRemote({ home, secret, redact }, declared, use),
    judge: (update, quarantine) => judgePush(repository, [{ ...update, ref: 'refs/heads/main' }], quarantine),
    judgeAdoption: (update, quarantine) => judgeAdoption(repository, update, quarantine),
    rehearse: async () => {},
    moved: () => {},
    changed: () => {},
    audit: async (action, _target, outcome) => void audited.push(`${action} ${outcome}`),
    signingKey: async () => '',
    step: options.step ?? (() => {}),
    ...(options.patience === undefined ? {} : { patience: options.patience }),
  }
  return { home, repository, exchange, records, mirror: createMirror(deps), audited }
}

/** Plain Git of a person, in one folder. */
export interface Person {
  readonly path: string
  git(...args: string[]): Promise<string>
  /** Writes files, commits them and pushes; gives the commit. */
  deliver(files: Readonly<Record<string, string>>, ...options: string[]): Promise<string>
}

export interface Rig extends House, AsyncDisposable {
  /** A bare repository elsewhere. */
  readonly upstream: string
  readonly folder: string
  /** A clone of the upstream; it is empty until the first push. */
  person(name?: string): Promise<Person>
  /** One commit here, as the portal makes it. */
  commit(files: Readonly<Record<string, string>>): Promise<string>
  head(): Promise<string>
  headThere(): Promise<string>
  /** The mirror after a restart, or with other options. */
  again(options?: HouseOptions): Promise<House>
  /** What a fetch could have left. */
  leftovers(): Promise<readonly string[]>
}

export interface Rigs extends AsyncDisposable {
  /** A fresh home, and an upstream without a commit. */
  open(options?: HouseOptions): Promise<Rig>
}

/** Each rig is a copy of one that is made once: a dozen processes less for each test. */
export async function createRigs(store: Store): Promise<Rigs> {
  const template = await mkdtemp(join(tmpdir(), 'up-'))
  await initRepository(homeAt(join(template, 'home')), hooksFolder)
  await git(template, 'init', '-q', '--bare', '--initial-branch=main', join(template, 'config.git'))
  return {
    open: options => openRig(store, template, options),
    [Symbol.asyncDispose]: () => rm(template, { recursive: true, force: true }),
  }
}

async function openRig(store: Store, template: string, options: HouseOptions = {}): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'up-'))
  await cp(template, folder, { recursive: true })
  const home = homeAt(join(folder, 'home'))
  await store`DELETE FROM upstream`
  const upstream = join(folder, 'config.git')
  const house = await openHouse(home, store, options)
  const head = async () => (await house.repository.head()) ?? ''
  return {
    ...house,
    ...{ upstream, folder, head },
    async person(name = 'person') {
      const path = join(folder, name)
      await git(folder, 'clone', '-q', upstream, path)
      const at = (...args: string[]) => git(path, ...args)
      return {
        path,
        git: at,
        async deliver(files, ...more) {
          for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text)
          await at('add', '-A')
          await at('commit', '-q', '--allow-empty', '-m', 'A change')
          await at('push', '-q', ...more, 'origin', 'HEAD:main')
          return at('rev-parse', 'HEAD')
        },
      }
    },
    async commit(files) {
      const result = await house.repository.edit(await head(), new Map(Object.entries(files)), author, 'a change')
      if (result.outcome !== 'committed') throw new Error(JSON.stringify(result))
      return result.revision
    },
    headThere: () => git(upstream, 'rev-parse', 'refs/heads/main'),
    again: more => openHouse(home, store, more ?? options),
    async leftovers() {
      const names = await readdir(join(home.repository, 'objects'))
      return names.filter(name => name.includes('incoming'))
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

export const declared = (url: string, more: Readonly<Record<string, unknown>> = {}): UpstreamRepository =>
  upstreamSchema.parse({ url, ...more })

/** Both are the same, and were seen to be. */
export async function mirrored(rig: Rig, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  await git(rig.home.repository, 'push', '-q', rig.upstream, 'main')
  await rig.mirror.follow(declared(rig.upstream, more))
  const head = await rig.head()
  await rig.records.update({ head, agreed: head, seenAt: new Date() })
}

export const push = (mirror: Mirror): Promise<void> => mirror.push(new AbortController().signal, async () => {})

export async function git(cwd: string, ...args: string[]): Promise<string> {
  const env = {
    ...minimalEnvironment,
    ...{ HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' },
    ...{ GIT_AUTHOR_NAME: 'Ann', GIT_AUTHOR_EMAIL: 'ann@example.com' },
    ...{ GIT_COMMITTER_NAME: 'Ann', GIT_COMMITTER_EMAIL: 'ann@example.com' },
  }
  const { code, stdout, stderr } = await spawn(['git', ...args], { cwd, env, timeout: 60_000 })
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`)
  return stdout.trimEnd()
}

export const site = (name: string): string => `domains:\n  ${name}.example.com: { root: ${name} }\n`
