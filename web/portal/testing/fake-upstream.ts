import type { Standing } from '../../../desired-state/upstream-standing.ts'
import type { UpstreamDesk } from '../../api/upstream.ts'

export interface FakeUpstream extends UpstreamDesk {
  now: Standing
  readonly asked: string[]
  /** It stands otherwise, and says so. */
  stand(now: Standing): void
}

/** A mirror whose standing a test writes down; what it is asked to do is kept. */
export function fakeUpstream(): FakeUpstream {
  const listeners = new Set<() => void>()
  const asked: string[] = []
  const fake: FakeUpstream = {
    asked,
    now: { url: '', branch: '', main: '', choices: [], signingKey: '' },
    stand(now) {
      fake.now = now
      for (const listener of listeners) listener()
    },
    standing: async () => fake.now,
    look: async () => void asked.push('look'),
    async adopt(bound) {
      asked.push(`adopt ${bound.head} over ${bound.main}`)
      return { revision: bound.head ?? '' }
    },
    async keep(bound, author) {
      asked.push(`keep ${bound.main} against ${bound.head} by ${author.name}`)
      return bound.main ?? ''
    },
    preview: use => use(fake.now.head ?? '', { accepted: false, lines: [], main: undefined, others: [] }),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return fake
}
