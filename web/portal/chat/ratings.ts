import type { Store } from '../../../runtime/store/store.ts'

/** What people gave to answers, from 1 to 10. */
export interface Ratings {
  /** By the id of the utterance. */
  of(utterances: readonly string[], person: string): Promise<ReadonlyMap<string, number>>
  /** A second one of the same person takes the place of the first. */
  rate(utterance: string, person: string, rating: number): Promise<void>
}

export function createRatings(store: Store): Ratings {
  return {
    async of(utterances, person) {
      const rows = await store<{ utterance: string; rating: number }[]>`
        SELECT utterance, rating FROM rating WHERE person = ${person} AND utterance = ANY (${[...utterances]}::uuid[])`
      return new Map(rows.map(row => [row.utterance, row.rating]))
    },
    async rate(utterance, person, rating) {
      await store`
        INSERT INTO rating (utterance, person, rating) VALUES (${utterance}, ${person}, ${rating})
        ON CONFLICT (utterance, person) DO UPDATE SET rating = excluded.rating, at = now()`
    },
  }
}
