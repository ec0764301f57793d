import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../os/clock.ts'
import { explain } from '../../os/errors.ts'
import type { AuditEvent } from '../event.ts'
import { openAuditLog } from '../log.ts'
import { verifyAudit } from '../verify.ts'

/** Runs inside a namespace where the folder is a small disk of its own, and prints what came of it as JSON. */
const [folder = ''] = process.argv.slice(2)
const event: AuditEvent = {
  type: 'api_call',
  agent: 'code',
  user: '',
  action: 'a',
  target: 'x'.repeat(2_000),
  outcome: 'success',
}
const filler = join(folder, 'filler')
const log = await openAuditLog({ folder, clock: systemClock })
const append = () =>
  log.append(event).then(
    () => 'written',
    error => explain(error),
  )
const before = await append()
for (let size = 1 << 20; size >= 1; size >>= 1) {
  for (let number = 0; ; number++) {
    const written = await writeFile(`${filler}-${size}-${number}`, Buffer.alloc(size)).then(
      () => true,
      () => false,
    )
    if (!written) break
  }
}
const full = new Set((await Promise.all(Array.from({ length: 40 }, append))).filter(said => said !== 'written'))
const last = log.last().sequence
for await (const name of new Bun.Glob('filler-*').scan(folder)) await rm(join(folder, name))
const after = await append()
await log.stop()
const { sound, lines, flaws } = await verifyAudit({ folder, anchors: [], writing: false })
console.log(JSON.stringify({ before, full: [...full], after, sound, flaws, none: lines === last + 1 }))
