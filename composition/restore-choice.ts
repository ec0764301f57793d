import { chooseRun } from '../reconcilers/backups/perform.ts'
import { isComplete, type StoredRun } from '../reconcilers/backups/tags.ts'
import { ApplianceError } from '../runtime/os/errors.ts'

/**
 * The newest run, or that of a snapshot. Where several appliances keep theirs in one repository, nobody is given the newest of
 * somebody else unasked; `latest` is that of all.
 */
export function chooseHere(runs: readonly StoredRun[], snapshot: string | undefined, now: Date) {
  const complete = runs.filter(isComplete)
  const appliances = [...new Set(complete.map(({ appliance }) => appliance))]
  if (snapshot === undefined && appliances.length > 1) {
    const newest = appliances.map(id =>
      describe(
        chooseRun(
          complete.filter(({ appliance }) => appliance === id),
          undefined,
          now,
        ),
      ),
    )
    throw new ApplianceError('invalid', `the repository has backups of ${appliances.length} appliances`, {
      hint: `name a snapshot; the newest of each are ${newest.slice(0, 10).join(', ')}; or write latest for the newest of all`,
    })
  }
  return chooseRun(runs, snapshot, now)
}

const describe = ({ files, name, hostname, time }: StoredRun & { readonly files: string }) =>
  `${files.slice(0, 8)} (${name} of ${hostname}, ${time.toISOString().slice(0, 16).replace('T', ' ')} UTC)`
