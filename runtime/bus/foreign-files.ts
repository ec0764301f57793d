import { posix } from 'node:path'
import type { Need } from '../policy/action.ts'
import { isWithin, type PolicyPlaces, tidy } from '../policy/paths.ts'
import type { Store } from '../store/store.ts'
import { isUuid } from './envelope.ts'

/** Who is about to read. */
export interface Reader {
  readonly agent: string
  readonly thread: string | undefined
  readonly task: string | undefined
}

/**
 * Where text of strangers may come from when an agent does this, told by the files that it names: logs, what was left in its
 * workspace by conversations with such text in them, and projects that such conversations submitted. Undefined: nowhere.
 */
export async function strangersIn(
  store: Store,
  reader: Reader,
  needs: readonly Need[],
  places: PolicyPlaces,
): Promise<string | undefined> {
  for (const path of [...new Set(needs.flatMap(need => pathsOf(need, places)))]) {
    const source = await sourceOf(store, reader, path, places)
    if (source !== undefined) return source
  }
  return undefined
}

/** Paths that an action looks at. Of a command line every word that may be one: too many cost little. */
function pathsOf(need: Need, places: PolicyPlaces): readonly string[] {
  switch (need.kind) {
    case 'read':
      return [need.path]
    case 'run': {
      const words = need.argv
        .join(' ')
        .split(/[\s'"`;|&<>()$={}]+/)
        .slice(0, 500)
      const named = words.filter(word => word !== '' && !word.startsWith('-')).map(word => posix.resolve(need.cwd, word))
      return [need.cwd, ...named]
    }
    case 'verb': {
      const { project } = need.input
      return typeof project === 'string' && need.verb !== 'project.submit' ? [`${places.projects}/${project}.git`] : []
    }
    default:
      return []
  }
}

async function sourceOf(store: Store, reader: Reader, named: string, places: PolicyPlaces): Promise<string | undefined> {
  const path = tidy(named)
  if (path === undefined) return undefined
  if (isWithin(path, places.logs)) return `the log ${posix.basename(path)}`
  if (isWithin(path, places.projects)) return projectSource(store, posix.relative(places.projects, path).split('/')[0] ?? '')
  if (!isWithin(path, places.workspace)) return undefined
  const [area = '', owner = ''] = posix.relative(places.workspace, path).split('/')
  if (area === 'cache' && owner === 'projects') return undefined
  if (area !== 'working') return earlier(store, reader, area)
  return owner === reader.task || owner === reader.thread || !isUuid(owner) ? undefined : leftBy(store, owner)
}

/** What a project holds came out of conversations; the ledger knows which ones submitted to it. */
async function projectSource(store: Store, folder: string): Promise<string | undefined> {
  const project = folder.replace(/\.git$/, '')
  if (project === '') return undefined
  const found = await store`
    SELECT 1 FROM agent_action JOIN utterance ON utterance.id::text = agent_action.work
      JOIN thread ON thread.id = utterance.thread AND thread.tainted
    WHERE agent_action.tool = 'project.submit' AND agent_action.title = ${`submit ${project}`} LIMIT 1`
  return found.length > 0 ? `the project ${project}` : undefined
}

/** `downloads`, `cache`, `temp`: shared by all conversations of the agent. */
async function earlier(store: Store, { agent, thread }: Reader, area: string): Promise<string | undefined> {
  if (area === '') return undefined
  const found = await store`
    SELECT 1 FROM thread WHERE agent = ${agent} AND tainted AND id::text <> ${thread ?? ''} LIMIT 1`
  return found.length > 0 ? `${area}/ of its workspace, where other conversations write` : undefined
}

async function leftBy(store: Store, owner: string): Promise<string | undefined> {
  const found = await store<
    { title: string }[]
  >`SELECT title FROM thread WHERE tainted AND (id::text = ${owner} OR task = ${owner}) LIMIT 1`
  return found[0] && `files of ${found[0].title || 'another conversation'}`
}
