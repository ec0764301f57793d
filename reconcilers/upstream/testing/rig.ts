import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
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
import { minimalEnvironment, spawn, spawnChecked } from '../../../runtime/os/spawn.ts'
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

/** What is written by one process of Git, into a bare repository. */
export interface Written {
  readonly files?: Readonly<Record<string, string | { readonly mode: '100755' | '120000' | '160000'; readonly text: string }>>
  /** Default: main. */
  readonly ref?: string
  /** What it follows; default: where the ref is. `undefined` in its place: nothing. */
  readonly onto?: string | undefined
  /** A line of Git's own format, `NAME <MAIL> SECONDS +0000`. */
  readonly who?: string
}

const ann = 'Ann <ann@example.com> 1767225600 +0000'

/** A commit of somebody, as a push of it would leave it there; gives its hash. */
export async function write(repository: string, written: Written): Promise<string> {
  const { files = {}, ref = 'refs/heads/main', who = ann } = written
  const known = 'onto' in written ? written.onto : await tip(repository, ref)
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`
  const changes = Object.entries(files).map(([path, file]) => {
    const { mode, text } = typeof file === 'string' ? { mode: '100644', text: file } : file
    return mode === '160000' ? `M ${mode} ${text} ${path}\n` : `M ${mode} inline ${path}\n${data(text)}`
  })
  const parent = known === undefined ? '' : `from ${known}\n`
  const commit = `commit ${ref}\nmark :1\nauthor ${who}\ncommitter ${who}\n${data('A change')}${parent}${changes.join('')}\nget-mark :1\n`
  const argv = ['git', `--git-dir=${repository}`, 'fast-import', '--quiet', '--force']
  return (await spawnChecked(spawn, argv, { stdin: new TextEncoder().encode(commit), env: environment })).trim()
}

const tip = async (repository: string, ref: string) =>
  (await readFile(join(repository, ref), 'utf8').catch(() => undefined))?.trim()

export interface Rig extends House, AsyncDisposable {
  /** A bare repository elsewhere, which has what is here. */
  readonly upstream: string
  readonly folder: string
  /** One commit there. */
  there(files: Written['files'], more?: Written): Promise<string>
  /** One commit here. */
  commit(files: Readonly<Record<string, string>>): Promise<string>
  head(): Promise<string>
  headThere(): Promise<string>
  /** The mirror after a restart, or with other options. */
  again(options?: HouseOptions): Promise<House>
  /** What a fetch could have left. */
  leftovers(): Promise<readonly string[]>
}

export interface Rigs extends AsyncDisposable {
  /** A fresh home, and an upstream with the same main. */
  open(options?: HouseOptions): Promise<Rig>
}

/** Each rig is a copy of one that is made once: a dozen processes less for each test. */
export async function createRigs(store: Store): Promise<Rigs> {
  const template = await mkdtemp(join(tmpdir(), 'up-'))
  const { repository } = homeAt(join(template, 'home'))
  await initRepository(homeAt(join(template, 'home')), hooksFolder)
  await git(template, 'clone', '-q', '--bare', '--no-hardlinks', repository, join(template, 'config.git'))
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
  await rm(join(upstream, 'packed-refs'), { force: true })
  await mkdir(join(upstream, 'refs', 'heads'), { recursive: true })
  const house = await openHouse(home, store, options)
  const head = async () => (await house.repository.head()) ?? ''
  await writeFile(join(upstream, 'refs', 'heads', 'main'), `${await head()}\n`)
  return {
    ...house,
    ...{ upstream, folder, head },
    there: (files, more) => write(upstream, { ...more, ...(files !== undefined && { files }) }),
    commit: files => write(home.repository, { files }),
    headThere: async () => (await tip(upstream, 'refs/heads/main')) ?? '',
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
  await rig.mirror.follow(declared(rig.upstream, more))
  const head = await rig.head()
  await rig.records.update({ head, agreed: head, seenAt: new Date() })
}

export const push = (mirror: Mirror): Promise<void> => mirror.push(new AbortController().signal, async () => {})

const environment = {
  ...minimalEnvironment,
  ...{ HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' },
  ...{ GIT_AUTHOR_NAME: 'Ann', GIT_AUTHOR_EMAIL: 'ann@example.com' },
  ...{ GIT_COMMITTER_NAME: 'Ann', GIT_COMMITTER_EMAIL: 'ann@example.com' },
}

export async function git(cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await spawn(['git', ...args], { cwd, env: environment, timeout: 60_000 })
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`)
  return stdout.trimEnd()
}

export const site = (name: string): string => `domains:\n  ${name}.example.com: { root: ${name} }\n`
