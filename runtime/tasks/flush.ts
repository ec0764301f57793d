import type { ISql } from 'postgres'
import type { Store } from '../store/store.ts'

/**
 * Two statements as one transaction, sent without waiting in between: one round trip, one flush to the disk. Neither has
 * an effect when one fails.
 */
export async function inOneFlush<First, Second>(
  store: Store,
  first: (connection: ISql) => Executed<First>,
  second: (connection: ISql) => Executed<Second>,
): Promise<readonly [First, Second]> {
  const connection = await store.reserve()
  try {
    // Each is sent as it is asked to: the order of these lines is the order on the wire.
    const begun = connection.unsafe('BEGIN').execute()
    const one = first(connection).execute()
    const two = second(connection).execute()
    const committed = connection.unsafe('COMMIT').execute()
    const [, ended] = await Promise.allSettled([Promise.all([begun, one, two]), committed])
    if (ended.status === 'rejected') throw ended.reason
    return [await one, await two]
  } finally {
    connection.release()
  }
}

interface Executed<Rows> extends PromiseLike<Rows> {
  execute(): PromiseLike<Rows>
}
