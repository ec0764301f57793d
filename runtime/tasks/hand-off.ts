import type { Core } from './core.ts'
import { failForGood } from './failure.ts'
import { ageingMilliseconds, mostHandOffs } from './numbers.ts'
import { released, withRunning } from './running.ts'
import { storable } from './submission.ts'
import type { HandOffResult } from './task.ts'
import { type Touched, touchedColumns } from './touched.ts'

export async function handOff(core: Core, id: string, token: number, agent: string, reason: string): Promise<HandOffResult> {
  const agents = core.agents()
  const why = storable(reason)
  let result: HandOffResult = { outcome: 'settled' }
  await withRunning(core, id, token, async (store, task) => {
    if (!agents.includes(agent) || agent === task.agent) {
      result = {
        outcome: 'refused',
        reason: refusal(
          agent,
          agents.filter(name => name !== task.agent),
        ),
      }
      return []
    }
    if (task.hand_offs >= mostHandOffs) {
      const sentence = `it was handed on ${mostHandOffs} times, at last by ${task.agent} to ${agent} (${why}); a person decides who does it`
      result = { outcome: 'ended', reason: sentence }
      return failForGood(core, store, id, sentence)
    }
    result = { outcome: 'handed' }
    const now = core.clock.now()
    const note = `\n\nHanded on by ${task.agent}: ${why}`
    return store<Touched[]>`
      UPDATE task SET ${released(store, now)}, state = 'ready', reason = '', due = NULL, agent = ${agent},
        description = description || ${note}, hand_offs = hand_offs + 1, trying = false, tries = 0, lost = 0, token = token + 1,
        round = round + 1, rank = ${now.getTime()}::bigint - priority * ${ageingMilliseconds}::bigint
      WHERE id = ${id} RETURNING ${touchedColumns(store)}`
  })
  return result
}

const refusal = (agent: string, others: readonly string[]) =>
  `it cannot go to ${JSON.stringify(agent)}; the other agents are ${others.join(', ')}`
