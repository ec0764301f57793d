/** An agent that is meant to be killed: claims, works a moment, hands in. Arguments: socket of the runtime, own name, own file. */
import { appendFileSync } from 'node:fs'

const [unix = '', agent = '', file = ''] = process.argv.slice(2)
const ask = async (path: string): Promise<unknown> => {
  for (;;) {
    const answer = await fetch(`http://runtime${path}`, { unix }).catch(() => undefined)
    if (answer?.ok) return answer.json()
    await Bun.sleep(10)
  }
}
const isClaim = (value: unknown): value is { task: { id: string }; token: number } =>
  typeof value === 'object' && value !== null && 'task' in value && 'token' in value

for (;;) {
  const claim = await ask(`/claim?agent=${agent}`)
  if (!isClaim(claim)) {
    await Bun.sleep(10)
    continue
  }
  await Bun.sleep(Math.random() * 4)
  const accepted = await ask(`/complete?agent=${agent}&id=${claim.task.id}&token=${claim.token}`)
  if (accepted === true) appendFileSync(file, `${claim.task.id}\n`)
}
