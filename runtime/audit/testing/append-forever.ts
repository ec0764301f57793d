import { systemClock } from '../../os/clock.ts'
import { openAuditLog } from '../log.ts'

/** Appends until it is killed; prints the sequence of what is on the disk. */
const [folder = ''] = process.argv.slice(2)
const log = await openAuditLog({ folder, clock: systemClock, segment: 40_000 })
for (;;) {
  const line = log.append({ type: 'api_call', agent: 'code', user: '', action: 'a', target: 'x'.repeat(300), outcome: 'success' })
  for (let more = 0; more < 20; more++) {
    void log.append({ type: 'api_call', agent: 'code', user: '', action: 'b', target: 'y', outcome: 'success' })
  }
  await line
  process.stdout.write(`${log.last().sequence}\n`)
}
