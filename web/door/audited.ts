import type { AuditEvent, AuditType } from '../../runtime/audit/event.ts'
import type { AuditEntry } from './door.ts'

/** Types of the events of routes that are not changes of the configuration. */
const types: Readonly<Record<string, AuditType>> = {
  'sign-in': 'user_login',
  'first-admin': 'user_login',
  'sign-out': 'user_logout',
  say: 'api_call',
  'agent.say': 'api_call',
  'agent.verb': 'api_call',
  'push.judged': 'api_call',
}

const outcomes = { asked: 'intent', allowed: 'success', refused: 'denied', failed: 'failure' } as const

/** What the audit calls something that came through the door. */
export function auditEventOf({ event, who, subject, outcome, address, details }: AuditEntry): AuditEvent {
  const agent = /^agent (.+)$/.exec(who)?.[1] ?? ''
  return {
    type: outcome === 'refused' ? 'permission_denied' : (types[event] ?? 'config_changed'),
    agent,
    user: agent === '' ? who : '',
    action: event,
    target: subject,
    outcome: outcomes[outcome],
    ...(address === undefined ? {} : { address }),
    ...(details === undefined ? {} : { details }),
  }
}
