import type { ISql } from 'postgres'

/** What an agent told all others, on its way to one of them. */
export interface Note {
  readonly by: string
  readonly text: string
  readonly tainted: boolean
}

export interface NewNote extends Note {
  readonly message: string
  readonly agent: string
}

/** Notes that one work begins with, the oldest first; older than a week they are no news. */
const mostNotes = 20
const newsDays = 7

export async function addNote(store: ISql, { message, agent, by, text, tainted }: NewNote, at: Date): Promise<void> {
  await store`
    INSERT INTO note (message, agent, by_name, text, tainted, at)
    VALUES (${message}, ${agent}, ${by}, ${text}, ${tainted}, ${at}) ON CONFLICT DO NOTHING`
}

/** The notes that a work begins with: the same again when it begins again. */
export async function takeNotes(store: ISql, agent: string, work: string, at: Date): Promise<readonly Note[]> {
  const since = new Date(at.getTime() - newsDays * 86_400_000)
  return store<Note[]>`
    WITH news AS (
      SELECT message FROM note WHERE agent = ${agent} AND at > ${since} AND (work IS NULL OR work = ${work})
      ORDER BY at, message LIMIT ${mostNotes} FOR UPDATE)
    UPDATE note SET work = ${work} FROM news WHERE note.message = news.message
    RETURNING by_name AS by, text, tainted`
}

/** A question or task together with what others told since the last one. */
export function withNotes(text: string, notes: readonly Note[]): string {
  if (notes.length === 0) return text
  const told = notes.map(note => `- ${note.by}: ${note.text.replaceAll('\n', '\n  ')}`)
  return [text, '', '---', 'What other agents told everybody since your last work, for your information:', ...told].join('\n')
}
