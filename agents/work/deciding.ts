import type { ActionRequest, Verdict } from '../../runtime/policy/action.ts'
import type { CallDeps } from './call.ts'

/** Asks until it is decided; a person who has to decide is waited for, without a token. */
export async function settle(deps: Pick<CallDeps, 'door' | 'waits' | 'context'>, request: ActionRequest) {
  for (;;) {
    const verdict: Verdict = await deps.door.decide(request)
    if (verdict.verdict !== 'ask') return verdict
    await waitForPerson(deps, request.call, request.title, verdict)
  }
}

/** Until a person has decided, or nobody can any more; says meanwhile what it waits for. */
export async function waitForPerson(
  { door, waits, context: { signal } }: Pick<CallDeps, 'door' | 'waits' | 'context'>,
  call: string,
  title: string,
  { approval, reason }: { readonly approval: string; readonly reason: string },
): Promise<void> {
  waits.set(call, `waits for a person to approve “${title}”${reason === '' ? '' : ` (${reason})`}`)
  try {
    await door.decided(approval, signal)
  } finally {
    waits.clear(call)
  }
  signal.throwIfAborted()
}

/** What the model is told of a call whose process died while it was made. */
export const interrupted = (at: string) =>
  `This call was interrupted (it began at ${at}), and its outcome is unknown: look first what came of it, and do not repeat it blindly.`
