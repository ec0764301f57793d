import type { Clock } from '../os/clock.ts'
import { ApplianceError } from '../os/errors.ts'
import { openConnection, type Store, type StoreAddress } from './store.ts'

/** What tells this appliance from others that use the same servers; it stays with the database. */
export async function applianceId(store: Store): Promise<string> {
  const [row] = await store<{ id: string }[]>`SELECT id FROM appliance`
  if (row === undefined) throw new ApplianceError('failed', 'the database does not know its appliance')
  return row.id
}

/** Milliseconds in which the connection of a runtime that was killed has to be gone. */
const patience = 5_000

/**
 * Takes a database for this appliance alone: two on one database would undo each other's work. It is taken for as long
 * as one connection lives, at most until Postgres or this process ends. Gives how to let it go.
 */
export async function takeDatabase(address: StoreAddress, clock: Clock): Promise<() => Promise<void>> {
  const connection = openConnection(address)
  const deadline = clock.now().getTime() + patience
  try {
    for (;;) {
      const [row] = await connection<{ taken: boolean }[]>`SELECT pg_try_advisory_lock(727002) AS taken`
      if (row?.taken === true) return () => connection.end({ timeout: 1 })
      if (clock.now().getTime() > deadline) break
      await clock.sleep(100)
    }
  } catch (error) {
    await connection.end({ timeout: 1 })
    throw error
  }
  await connection.end({ timeout: 1 })
  throw new ApplianceError('invalid', 'another appliance uses the database that DATABASE_URL names', {
    hint: 'give each appliance a database of its own, or stop the other one',
  })
}
