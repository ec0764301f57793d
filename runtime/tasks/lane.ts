/**
 * All changes of the graph go through one lane: one statement or transaction at a time, so that none waits for the locks
 * of another and none deadlocks. What comes meanwhile is gathered: it goes as one statement and is made durable by one
 * flush.
 */
export interface Lane {
  run<Result>(work: () => Promise<Result>): Promise<Result>
  /** A function of one item whose calls, while the lane is busy, become one call of `work` with all of them, in order. */
  gathered<Item, Result>(
    work: (items: readonly Item[]) => Promise<readonly Result[]>,
    most?: number,
  ): (item: Item) => Promise<Result>
  /** Resolves when everything that was asked is done. */
  idle(): Promise<void>
}

export interface LaneDeps {
  /** Done before each work. */
  readonly before: () => Promise<void>
  /** A work failed, and what came of it is unknown. */
  readonly failed: () => void
}

export function createLane({ before, failed }: LaneDeps): Lane {
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const next = last.then(work)
    last = next.catch(() => {})
    return next
  }
  const careful = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    await before()
    try {
      return await work()
    } catch (error) {
      failed()
      throw error
    }
  }
  const run = <Result>(work: () => Promise<Result>): Promise<Result> => inTurn(() => careful(work))
  return {
    run,
    gathered<Item, Result>(work: (items: readonly Item[]) => Promise<readonly Result[]>, most = 1_000) {
      let waiting: { readonly item: Item; readonly promise: PromiseWithResolvers<Result> }[] = []
      const flush = async () => {
        const taken = waiting.slice(0, most)
        waiting = waiting.slice(most)
        if (waiting.length > 0) void inTurn(flush)
        try {
          const results = await careful(() => work(taken.map(({ item }) => item)))
          for (const [index, { promise }] of taken.entries()) {
            const result = results[index]
            if (result === undefined) promise.reject(new Error('a gathered call gave fewer results than items'))
            else promise.resolve(result)
          }
        } catch (error) {
          for (const { promise } of taken) promise.reject(error)
        }
      }
      return (item: Item) => {
        const promise = Promise.withResolvers<Result>()
        if (waiting.push({ item, promise }) === 1) void inTurn(flush)
        return promise.promise
      }
    },
    async idle() {
      await last
    },
  }
}
