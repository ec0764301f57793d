import type { Clock } from '../os/clock.ts'
import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import type { Store } from '../store/store.ts'
import type { KnownSecrets } from '../telemetry/known-secrets.ts'
import { type AnchorPlace, anchorKey } from './anchor.ts'
import { startAnchoring } from './anchoring.ts'
import { createCleaner } from './clean.ts'
import type { AuditEvent, AuditLine } from './event.ts'
import { hasLine } from './has-line.ts'
import { openAuditLog } from './log.ts'
import { parseAuditLine } from './parse.ts'
import { type AuditPage, type AuditSearch, searchAudit } from './search.ts'
import { startSearchIndex } from './search-index.ts'

export interface Audit {
  /** Resolves when the event is on the disk: only then may anybody be told of the effect. Rejects when it cannot be written. */
  record(event: AuditEvent): Promise<void>
  /** Every event from now on, once it is on the disk. */
  subscribe(listener: (line: AuditLine) => void): () => void
  /** From the index, which follows the file within moments. */
  search(search: AuditSearch): Promise<AuditPage>
  /** Resolves when all that is written can be found. */
  caughtUp(): Promise<void>
}

export interface RunningAudit extends Audit {
  stop(): Promise<void>
}

export interface AuditDeps {
  /** `audit/` and `keys/` of the home. */
  readonly folder: string
  readonly keys: string
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  /** Values that must never be written. */
  readonly secrets: Pick<KnownSecrets, 'forms'>
  readonly anchors: AnchorPlace
}

/** The hash-chained file, its index in Postgres, and the signed notes of how far it is. */
export async function createAudit(deps: AuditDeps): Promise<RunningAudit> {
  const { folder, store, clock, log } = deps
  const file = await openAuditLog({ folder, clock })
  const clean = createCleaner(deps.secrets)
  const listeners = new Set<(line: AuditLine) => void>()
  const index = startSearchIndex({ store, folder, clock, log })
  const anchoring = startAnchoring({
    ...{ place: deps.anchors, key: await anchorKey(deps.keys), clock, log },
    last: file.last,
    has: anchor => hasLine(folder, anchor),
  })
  file.onWritten(lines => {
    index.wake()
    anchoring.grown()
    if (listeners.size === 0) return
    for (const line of lines.map(parseAuditLine)) if (line !== undefined) for (const listener of listeners) listener(line)
  })
  index.wake()
  void anchoring.begin()
  const record = async (event: AuditEvent): Promise<void> => void (await file.append(clean(event)))
  if (file.setAside !== undefined) {
    log.warn('a torn line of the audit was set aside', { ...file.setAside })
    await record(recovered(file.setAside)).catch(error => log.warn('audit not written', { error: explain(error) }))
  }
  return {
    record,
    caughtUp: index.caughtUp,
    search: search => searchAudit(store, search),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async stop() {
      await file.stop()
      await index.stop()
      await anchoring.stop()
    },
  }
}

const recovered = (setAside: { readonly bytes: number; readonly file: string }): AuditEvent => ({
  type: 'file_write',
  agent: '',
  user: '',
  action: 'audit.recovered',
  target: setAside.file,
  outcome: 'success',
  details: { bytes: setAside.bytes, why: 'the last line ended in the middle: it was kept in this file, and the chain goes on' },
})
