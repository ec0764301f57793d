import type { ApprovedHold, Journal } from './journal.ts'

/** Where approvals are written down for good. Whoever asks for one writes it down, unless that dies or learns of no answer. */
export interface ApprovalAudit {
  /** Whether the approval of what was held under this ID stands there. */
  has(id: string): Promise<boolean>
  record(approved: ApprovedHold): Promise<void>
}

/** Writes down what took effect and was left out, once however often it is called; not while its door may still do so. */
export async function auditApprovals(
  journal: Pick<Journal, 'audited'>,
  audit: ApprovalAudit,
  approved: readonly ApprovedHold[],
): Promise<void> {
  for (const each of approved) {
    if (!(await audit.has(each.hold.id))) await audit.record(each)
    await journal.audited(each.hold.id)
  }
}
