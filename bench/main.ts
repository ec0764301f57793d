import { benchAuditAppend, benchAuditVerify } from './audit.ts'
import { benchBackup } from './backup.ts'
import { benchChaos } from './chaos.ts'
import { benchCloudflareCalls, benchDnsLook, benchDnsMessages } from './dns.ts'
import { benchFirstHttps } from './first-https.ts'
import { benchGrowth } from './growth.ts'
import { benchIdleMemory } from './idle-memory.ts'
import { watchIdleAgents } from './idle-tokens.ts'
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
import { benchWebhook } from './webhook.ts'

/** Every row of the table but one, in its order; each brings up what it needs and takes it down again. */
const benches: Readonly<Record<string, () => Promise<Figure>>> = {
  'audit-append': benchAuditAppend,
  'audit-verify': benchAuditVerify,
  push: benchPush,
  'first-https': benchFirstHttps,
  webhook: benchWebhook,
  look: benchLook,
  growth: benchGrowth,
  memory: benchIdleMemory,
  start: benchStart,
  overview: benchOverview,
  weight: benchPageWeight,
  prefix: benchPrefix,
  messages: benchMessages,
  token: benchToken,
  tasks: benchTasks,
  'dns-messages': benchDnsMessages,
  'cloudflare-calls': benchCloudflareCalls,
  'dns-look': benchDnsLook,
  chaos: benchChaos,
  backup: benchBackup,
}

/** Takes ten minutes of doing nothing, so it goes on beside the others. */
const beside = 'idle-tokens'

async function main(names: readonly string[]): Promise<number> {
  const all = [...Object.keys(benches), beside]
  const unknown = names.find(name => !all.includes(name))
  if (unknown !== undefined) {
    console.error(`there is no measurement ${JSON.stringify(unknown)}; there are: ${all.join(', ')}`)
    return 2
  }
  if (process.getuid?.() === 0) {
    console.error('nothing of the appliance runs as root: setpriv --reuid USER --regid USER --init-groups bun run bench')
    return 2
  }
  const wanted = names.length > 0 ? names : all
  const endOfWatch = wanted.includes(beside) ? await watchIdleAgents() : undefined
  const figures: Figure[] = []
  for (const name of wanted) {
    const measure = benches[name]
    if (measure === undefined) continue
    console.error(`measuring ${name} …`)
    figures.push(await measure())
  }
  if (endOfWatch !== undefined) {
    console.error('watching idle agents until ten minutes are over …')
    figures.push(await endOfWatch())
  }
  for (const line of markdownTable(figures)) console.log(line)
  console.log('')
  for (const figure of figures) console.log(jsonLine(figure))
  return 0
}

process.exitCode = await main(process.argv.slice(2))
