import { benchAuditAppend, benchAuditVerify } from './audit.ts'
import { benchChaos } from './chaos.ts'
import { benchGrowth } from './growth.ts'
import { benchIdleMemory } from './idle-memory.ts'
import { benchIdleTokens } from './idle-tokens.ts'
import { benchLook } from './look.ts'
import { benchMessages } from './messages.ts'
import { benchOverview } from './overview.tsx'
import { benchPageWeight } from './page-weight.ts'
import { benchPrefix } from './prefix.ts'
import { benchPush } from './push.ts'
import { type Figure, jsonLine, markdownTable } from './report.ts'
import { benchStart } from './start.ts'
import { benchTasks } from './tasks.ts'
import { benchToken } from './token.ts'

/** Every row of the table, in its order; each brings up what it needs and takes it down again. */
const benches: Readonly<Record<string, () => Promise<Figure>>> = {
  'audit-append': benchAuditAppend,
  'audit-verify': benchAuditVerify,
  push: benchPush,
  look: benchLook,
  growth: benchGrowth,
  memory: benchIdleMemory,
  start: benchStart,
  overview: benchOverview,
  weight: benchPageWeight,
  prefix: benchPrefix,
  'idle-tokens': benchIdleTokens,
  messages: benchMessages,
  token: benchToken,
  tasks: benchTasks,
  chaos: benchChaos,
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.find(name => benches[name] === undefined)
  if (unknown !== undefined) {
    console.error(`there is no measurement ${JSON.stringify(unknown)}; there are: ${Object.keys(benches).join(', ')}`)
    return 2
  }
  if (process.getuid?.() === 0) {
    console.error('nothing of the appliance runs as root: setpriv --reuid USER --regid USER --init-groups bun run bench')
    return 2
  }
  const figures: Figure[] = []
  for (const name of names.length > 0 ? names : Object.keys(benches)) {
    console.error(`measuring ${name} …`)
    const figure = await benches[name]?.()
    if (figure !== undefined) figures.push(figure)
  }
  for (const line of markdownTable(figures)) console.log(line)
  console.log('')
  for (const figure of figures) console.log(jsonLine(figure))
  return 0
}

process.exitCode = await main(process.argv.slice(2))
