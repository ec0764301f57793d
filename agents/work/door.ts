import type { ActionRequest, ActionResult, Verdict } from '../../runtime/policy/action.ts'
import type { VerbAnswer, VerbRequest } from '../../runtime/policy/verb.ts'

/** Who decides what an agent's calls may do, and remembers what came of them: the runtime, over the agent's socket. */
export interface ActionDoor {
  decide(request: ActionRequest): Promise<Verdict>
  confirm(action: string, result: ActionResult): Promise<void>
  /** Resolves once a person has decided, or the approval has expired. */
  decided(approval: string, signal: AbortSignal): Promise<void>
  /** The signal gives it up: nobody waits for its answer any more. */
  verb(verb: string, request: VerbRequest, signal: AbortSignal): Promise<VerbAnswer>
}
