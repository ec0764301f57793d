import { harness } from '../agents/testing/harness.ts'
import { call, say, together } from '../agents/testing/steps.ts'
import type { Figure } from './report.ts'

const turns = 20

/**
 * A conversation of twenty turns with a real agent, every second of which calls a tool: how many of its requests begin, to the
 * byte, with the whole request before. `]}` closes a request, and stands behind the next message in the one after it.
 */
export async function benchPrefix(): Promise<Figure> {
  await using team = await harness({ script: {} })
  let asked = 0
  team.model.script({
    supervisor: ({ messages }) => {
      const answered = messages.at(-1)?.content ?? ''
      if (!answered.startsWith('question') || asked++ % 2 === 0) return say(`Answer ${asked} with ü, "quotes" and \u2028.`)
      return together(say('I look.'), call('list', {}), call('list', { path: '.' }))
    },
  })
  for (let turn = 0; turn < turns; turn++) {
    await team.say(`question ${turn}`)
    await team.untilDone()
  }
  const bodies = team.model.calls.filter(({ agent }) => agent === 'supervisor').map(({ body }) => body)
  const kept = bodies.slice(1).filter((body, place) => body.startsWith(bodies[place]?.slice(0, -2) ?? '\0'))
  return {
    name: `requests of a conversation of ${turns} turns that contain the one before as their first bytes`,
    unit: '%',
    value: bodies.length < turns ? 0 : (100 * kept.length) / (bodies.length - 1),
    bound: 100,
    better: 'higher',
    detail: { requests: bodies.length, 'bytes of the last': Buffer.byteLength(bodies.at(-1) ?? '') },
  }
}
