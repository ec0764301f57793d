import type { Store } from '../store/store.ts'
import type { Thread } from './agents.ts'
import { clean } from './clean.ts'
import { saidAt, type ThreadRow, threadOf } from './threads.ts'

/** A conversation in which words were found. */
export interface FoundThread {
  readonly thread: Thread
  /** What was said around the newest place; empty when only its title has the words. */
  readonly excerpt: string
}

const mostFound = 50
/** Characters of an excerpt before the words, and altogether. */
const before = 60
const longestExcerpt = 200

/** Conversations with an agent whose title has these words, or where somebody said them; newest first. */
export async function searchThreads(store: Store, agent: string, words: string): Promise<readonly FoundThread[]> {
  const sought = clean(words).trim()
  if (sought === '') return []
  const pattern = `%${sought.replace(/[\\%_]/g, '\\$&')}%`
  const rows = await store<(ThreadRow & { said: string | null })[]>`
    SELECT * FROM (
      SELECT *, ${saidAt(store)}, (
        SELECT text FROM utterance WHERE utterance.thread = thread.id AND text ILIKE ${pattern} ORDER BY position DESC LIMIT 1
      ) AS said
      FROM thread WHERE agent = ${agent} AND kind = 'chat'
    ) AS found
    WHERE title ILIKE ${pattern} OR said IS NOT NULL
    ORDER BY coalesce(said_at, created_at) DESC, id LIMIT ${mostFound}`
  return rows.map(row => ({ thread: threadOf(row), excerpt: row.said === null ? '' : excerptOf(row.said, sought) }))
}

function excerptOf(said: string, sought: string): string {
  const text = said.replace(/\s+/g, ' ')
  const at = text.toLowerCase().indexOf(sought.replace(/\s+/g, ' ').toLowerCase())
  const from = Math.max(0, at - before)
  const piece = text.slice(from, from + longestExcerpt).toWellFormed()
  return `${from > 0 ? '…' : ''}${piece}${from + longestExcerpt < text.length ? '…' : ''}`
}
