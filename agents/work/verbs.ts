import { ApplianceError } from '../../runtime/os/errors.ts'
import type { ToolContext } from '../tools/tool.ts'
import type { CallDeps } from './call.ts'
import { interrupted, waitForPerson } from './deciding.ts'
import type { ToolCall } from './entries.ts'

export interface Verbs {
  readonly ask: ToolContext['verb']
  /** The last verb was refused. */
  denied(): boolean
}

/** The verbs of the server for one call of the model. Each is carried out once, also when the agent dies and asks again. */
export function createVerbs(deps: Pick<CallDeps, 'door' | 'waits' | 'context' | 'work'>, call: ToolCall): Verbs {
  let made = 0
  let denied = false
  return {
    async ask(name, input) {
      made += 1
      // The call itself may be decided on as well; each verb that it makes is one of its own.
      const id = `${call.id}.${made}`
      for (;;) {
        const request = { work: deps.work.id, attempt: deps.work.attempt, call: id, input }
        const answer = await deps.door.verb(name, request, deps.context.signal)
        denied = answer.verdict === 'deny'
        switch (answer.verdict) {
          case 'done':
            return answer.result
          case 'ask':
            await waitForPerson(deps, id, name, answer)
            break
          case 'unknown':
            throw new ApplianceError('failed', interrupted(answer.at))
          case 'deny':
            throw new ApplianceError('failed', `not allowed: ${answer.reason}`)
          case 'failed':
            throw new ApplianceError('failed', answer.reason)
        }
      }
    },
    denied: () => denied,
  }
}
