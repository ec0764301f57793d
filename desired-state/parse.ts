import { type AgentEntry, parseAgents, starterAgents } from './documents/agents.ts'
import { noBackups, type ParsedBackups, parseBackups } from './documents/backups.ts'
import { parseDatabases } from './documents/databases.ts'
import { noDns, parseDns } from './documents/dns.ts'
import { type ParsedDomains, parseDomains } from './documents/domains.ts'
import { parseNetwork } from './documents/network.ts'
import { parsePermissions } from './documents/permissions.ts'
import { noPolicyDocuments, type PolicyDocuments, policyOf } from './documents/policy.ts'
import { unprovableDomains } from './documents/provable.ts'
import { noSharedSecrets, parseSecretsAge } from './documents/secrets-age.ts'
import { defaultSettings, parseSettings } from './documents/settings.ts'
import { nameMistakes } from './file-names.ts'
import { starterPrompts } from './starter-prompts.ts'
import type { AgentDeclaration, DesiredState, Mistake, ParseResult, Settings, Tls } from './state.ts'
import { didYouMean, nearestWord } from './suggest.ts'
import { readTools, withTools } from './tool-files.ts'
import { isDocument, largestTree, mostEntries, type TreeEntry } from './tree.ts'
import { largestDocument, readText, readYaml, type Source, tooLarge } from './yaml.ts'

const mostMistakes = 200

const documents = [
  'agents.yaml',
  'domains.yaml',
  'dns.yaml',
  'settings.yaml',
  'permissions.yaml',
  'network.yaml',
  'databases.yaml',
  'secrets.age.yaml',
  'backups.yaml',
]

const laterDocuments = ['schedules.yaml', 'plugins.yaml', 'knowledge.yaml']

/** Keeps the parsed form of large documents from one commit to the next. */
export interface DomainsCache {
  get(key: string): ParsedDomains | undefined
  set(key: string, parsed: ParsedDomains): void
}

/** What {@link parseTree} keeps the domains of these files under; undefined when the files were never stored. */
export function domainsKey(entries: readonly TreeEntry[]): string | undefined {
  const hashOf = (path: string) => {
    const entry = entries.find(one => one.path === path)
    return entry === undefined ? 'absent' : entry.hash
  }
  // Their TLS comes from the settings.
  const [domains, settings] = [hashOf('domains.yaml'), hashOf('settings.yaml')]
  return domains === undefined || settings === undefined ? undefined : `${domains} ${settings}`
}

/** What the files of one commit declare, or every mistake in them, in the order of files and lines. */
export function parseTree(entries: readonly TreeEntry[], revision: string, cache?: DomainsCache): ParseResult {
  const tree = new Map(entries.map(entry => [entry.path, entry]))
  const mistakes: Mistake[] = [...treeMistakes(entries), ...nameMistakes(entries)]
  const settings = readSettings(tree, mistakes)
  const domains = readDomains(tree, settings.tls, mistakes, cache, domainsKey(entries))
  const dns = readDns(tree, mistakes)
  mistakes.push(...unprovableDomains({ domains, dns, settings }, () => open(tree, 'domains.yaml', mistakes)))
  const tools = readTools(entries, mistakes)
  const agents = withTools(readAgents(tree, settings, mistakes), tools, mistakes)
  const databases = readDatabases(tree, agents, mistakes)
  const { backups, gitBackups } = readBackups(tree, settings, mistakes)
  const secrets = readSecrets(tree, mistakes)
  const telos = readTelos(entries, mistakes)
  if (mistakes.length > 0) return { ok: false, mistakes: inOrder(mistakes) }
  return { ok: true, state: { revision, agents, domains, dns, settings, databases, secrets, backups, gitBackups, telos } }
}

function treeMistakes(entries: readonly TreeEntry[]): Mistake[] {
  if (entries.length > mostEntries) {
    return [whole('.', `this repository has ${entries.length} files, and may have ${mostEntries}: remove some`)]
  }
  const size = entries.reduce((sum, entry) => sum + documentSize(entry), 0)
  if (size > largestTree)
    return [whole('.', `the documents have ${size} bytes together, and may have ${largestTree}: remove some`)]
  return entries.flatMap(entry => {
    const message = wrongEntry(entry)
    if (message !== undefined) return [whole(entry.path, message)]
    if (isDocument(entry.path) && entry.bytes === undefined) return [tooLarge(entry.path, entry.size ?? 0)]
    return []
  })
}

function documentSize({ path, bytes, size }: TreeEntry): number {
  const counted = bytes?.byteLength ?? size ?? 0
  // A single file that is too large has a sentence of its own.
  return isDocument(path) && counted <= largestDocument ? counted : 0
}

function wrongEntry({ path, mode }: TreeEntry): string | undefined {
  if (mode === '120000') return 'this is a symbolic link: commit the file itself'
  if (mode === '160000') return 'this is a submodule: commit the files themselves'
  if (path.includes('/') || !/\.ya?ml$/i.test(path) || documents.includes(path)) return undefined
  if (laterDocuments.includes(path)) return `${path} is not supported by this version yet: remove it for now`
  const yaml = path.replace(/\.ya?ml$/i, '.yaml')
  if (documents.includes(yaml)) return `this file is not read under this name: rename it to ${yaml}`
  return `no such document${didYouMean(yaml, documents) || `: the documents are ${documents.join(', ')}; put other files into a folder`}`
}

type Tree = ReadonlyMap<string, TreeEntry>

function open(tree: Tree, file: string, mistakes: Mistake[]): Source | undefined {
  const entry = readable(tree.get(file))
  if (entry === undefined) return undefined
  const result = readYaml(file, entry.bytes)
  if ('source' in result) return result.source
  mistakes.push(...result.mistakes)
  return undefined
}

/** An entry with content; what has none was reported with the tree. */
function readable(entry: TreeEntry | undefined): (TreeEntry & { readonly bytes: Uint8Array }) | undefined {
  if (entry?.bytes === undefined || !entry.mode.startsWith('100')) return undefined
  return { ...entry, bytes: entry.bytes }
}

function readSettings(tree: Tree, mistakes: Mistake[]): Settings {
  const source = open(tree, 'settings.yaml', mistakes)
  if (source === undefined) return defaultSettings
  const parsed = parseSettings(source)
  mistakes.push(...parsed.mistakes)
  return parsed.settings
}

function readDns(tree: Tree, mistakes: Mistake[]): DesiredState['dns'] {
  const source = open(tree, 'dns.yaml', mistakes)
  const parsed = source === undefined ? noDns : parseDns(source)
  mistakes.push(...parsed.mistakes)
  return parsed.zones
}

function readBackups(tree: Tree, settings: Settings, mistakes: Mistake[]): ParsedBackups {
  const source = open(tree, 'backups.yaml', mistakes)
  const parsed = source === undefined ? noBackups : parseBackups(source, settings)
  mistakes.push(...parsed.mistakes)
  return parsed
}

function readDomains(
  tree: Tree,
  tls: Tls,
  mistakes: Mistake[],
  cache: DomainsCache | undefined,
  key: string | undefined,
): ParsedDomains['domains'] {
  const known = key === undefined ? undefined : cache?.get(key)
  if (known !== undefined) return known.domains
  const source = open(tree, 'domains.yaml', mistakes)
  if (source === undefined) return new Map()
  const parsed = parseDomains(source, tls)
  if (key !== undefined && parsed.mistakes.length === 0) cache?.set(key, parsed)
  mistakes.push(...parsed.mistakes)
  return parsed.domains
}

function readAgents(tree: Tree, settings: Settings, mistakes: Mistake[]): ReadonlyMap<string, AgentDeclaration> {
  if (!tree.has('agents.yaml')) {
    const documents = readPolicies(tree, new Set(starterAgents.keys()), mistakes)
    const promptOf = (name: string, path: string) => promptText(tree, path, mistakes) ?? starterPrompts[name]
    return declareAgents(starterAgents, settings, documents, promptOf)
  }
  const source = open(tree, 'agents.yaml', mistakes)
  if (source === undefined) {
    readPolicies(tree, undefined, mistakes)
    return new Map()
  }
  const parsed = parseAgents(source)
  mistakes.push(...parsed.mistakes)
  // An agent with a mistake is missing here, and its name is not to be blamed elsewhere.
  const names = parsed.mistakes.length === 0 ? new Set(parsed.agents.keys()) : undefined
  const documents = readPolicies(tree, names, mistakes)
  return declareAgents(parsed.agents, settings, documents, (name, path) => {
    const text = promptText(tree, path, mistakes)
    if (text === undefined && !tree.has(path)) {
      const near = nearPrompt(path, tree)
      const message = `the prompt ${path} of ${name} does not exist${near || ': add that file, or name another with prompt:'}`
      mistakes.push(source.mistake(['agents', name, 'prompt'], message))
    }
    return text
  })
}

function readPolicies(tree: Tree, agents: ReadonlySet<string> | undefined, mistakes: Mistake[]): PolicyDocuments {
  const permissions = open(tree, 'permissions.yaml', mistakes)
  const network = open(tree, 'network.yaml', mistakes)
  const permitted = permissions === undefined ? undefined : parsePermissions(permissions, agents)
  const connected = network === undefined ? undefined : parseNetwork(network, agents)
  mistakes.push(...(permitted?.mistakes ?? []), ...(connected?.mistakes ?? []))
  return {
    permissions: permitted?.permissions ?? noPolicyDocuments.permissions,
    network: connected?.network ?? noPolicyDocuments.network,
  }
}

function readDatabases(
  tree: Tree,
  agents: ReadonlyMap<string, AgentDeclaration>,
  mistakes: Mistake[],
): DesiredState['databases'] {
  const source = open(tree, 'databases.yaml', mistakes)
  if (source === undefined) return new Map()
  const parsed = parseDatabases(source, mistakes.length === 0 ? new Set(agents.keys()) : undefined)
  mistakes.push(...parsed.mistakes)
  return parsed.databases
}

function readSecrets(tree: Tree, mistakes: Mistake[]): DesiredState['secrets'] {
  const source = open(tree, 'secrets.age.yaml', mistakes)
  if (source === undefined) return noSharedSecrets
  const parsed = parseSecretsAge(source)
  mistakes.push(...parsed.mistakes)
  return parsed.shared
}

function nearPrompt(path: string, tree: Tree): string {
  const bare = (prompt: string) => prompt.slice('agents/'.length, -'.md'.length)
  const prompts = [...tree.keys()].filter(file => file.startsWith('agents/') && file.endsWith('.md'))
  const near = nearestWord(bare(path), prompts.map(bare))
  return near === undefined ? '' : `; did you mean agents/${near}.md?`
}

function declareAgents(
  entries: ReadonlyMap<string, AgentEntry>,
  settings: Settings,
  documents: PolicyDocuments,
  promptOf: (name: string, path: string) => string | undefined,
): ReadonlyMap<string, AgentDeclaration> {
  const agents = new Map<string, AgentDeclaration>()
  for (const [name, { level, prompt, model, description }] of entries) {
    const promptText = promptOf(name, prompt) ?? ''
    agents.set(name, {
      name,
      level,
      prompt,
      promptText,
      model: model ?? settings.agent_model,
      description,
      tools: [],
      policy: policyOf(name, level, documents),
    })
  }
  return agents
}

function promptText(tree: Tree, path: string, mistakes: Mistake[]): string | undefined {
  const entry = readable(tree.get(path))
  if (entry === undefined) return undefined
  const read = readText(path, entry.bytes)
  if ('mistake' in read) mistakes.push(read.mistake)
  else if (read.text.trim() === '') mistakes.push(whole(path, 'this prompt is empty: write what the agent is for'))
  return 'text' in read ? read.text : undefined
}

function readTelos(entries: readonly TreeEntry[], mistakes: Mistake[]): ReadonlyMap<string, string> {
  const telos = new Map<string, string>()
  for (const candidate of entries) {
    const entry = readable(candidate)
    if (entry === undefined || !entry.path.startsWith('TELOS/') || !isDocument(entry.path)) continue
    const read = readText(entry.path, entry.bytes)
    if ('mistake' in read) mistakes.push(read.mistake)
    else telos.set(entry.path.slice('TELOS/'.length), read.text)
  }
  return telos
}

const whole = (file: string, message: string): Mistake => ({ file, line: 1, column: 1, message })

function inOrder(mistakes: readonly Mistake[]): readonly Mistake[] {
  const unique = new Map(mistakes.map(mistake => [JSON.stringify(mistake), mistake]))
  const sorted = [...unique.values()].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  )
  if (sorted.length <= mostMistakes) return sorted
  return [...sorted.slice(0, mostMistakes), whole('.', `and ${sorted.length - mostMistakes} more mistakes`)]
}
