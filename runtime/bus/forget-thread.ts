import type { Store } from '../store/store.ts'

/** `busy`: something that was said in it waits for its answer. */
export type Forgotten = 'forgotten' | 'busy' | 'unknown'

/** Deletes a conversation with all that was said and done in it; what it spent stays counted. */
export function forgetThread(store: Store, id: string): Promise<Forgotten> {
  return store.begin(async (transaction): Promise<Forgotten> => {
    // Whoever says something in it meanwhile waits for this row, and then finds it gone.
    const found = await transaction`SELECT 1 FROM thread WHERE id = ${id} AND kind = 'chat' FOR UPDATE`
    if (found.length === 0) return 'unknown'
    const open = await transaction`
      SELECT 1 FROM utterance WHERE thread = ${id} AND state IN ('queued', 'answering') LIMIT 1`
    if (open.length > 0) return 'busy'
    await transaction`UPDATE message SET thread = NULL WHERE thread = ${id}`
    await transaction`DELETE FROM transcript WHERE thread = ${id}`
    await transaction`DELETE FROM work_step WHERE thread = ${id}`
    await transaction`DELETE FROM utterance WHERE thread = ${id}`
    await transaction`DELETE FROM thread WHERE id = ${id}`
    return 'forgotten'
  })
}
