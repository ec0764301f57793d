import type { Clock } from '../runtime/os/clock.ts'
import type { Connection } from './connection.ts'
import type { ActionDoor } from './work/door.ts'
import { insist } from './work/insist.ts'

/** The runtime's word on what an agent does; asked again while the runtime is away, because every answer is remembered there. */
export const actionDoor = (connection: Connection, clock: Clock): ActionDoor => ({
  decide: request => insist(() => connection.decide(request), clock),
  confirm: (action, result) => insist(() => connection.confirm(action, result), clock),
  async decided(approval, signal) {
    while (!(await insist(() => connection.decided(approval, signal), clock, signal)));
  },
  verb: (verb, request, signal) => insist(() => connection.verb(verb, request, signal), clock, signal),
})
