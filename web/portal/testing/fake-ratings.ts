import type { Ratings } from '../chat/ratings.ts'

export function fakeRatings(): Ratings {
  const kept = new Map<string, number>()
  return {
    of: async (utterances, person) =>
      new Map(utterances.flatMap(id => (kept.has(`${id} ${person}`) ? [[id, kept.get(`${id} ${person}`) ?? 0]] : []))),
    rate: async (utterance, person, rating) => void kept.set(`${utterance} ${person}`, rating),
  }
}
