import type { AuditEvent, AuditType } from '../../audit/event.ts'
import type { ActionRequest, Need } from '../action.ts'

/** Characters of a target in the audit; the whole of it is bound by its digest. */
const longestTarget = 2_000

/** What the audit calls an action: by the strongest of its needs. */
export function describe(
  agent: string,
  request: ActionRequest,
  session: string | undefined,
): Pick<AuditEvent, 'agent' | 'user' | 'action' | 'target' | 'session'> & { readonly type: AuditType } {
  const need = strongest(request.needs)
  return {
    type: need === undefined ? 'api_call' : typeOf(request.tool, need),
    agent,
    user: '',
    action: need?.kind === 'verb' ? need.verb : request.tool,
    target: (need === undefined ? request.title : targetOf(need)).slice(0, longestTarget),
    session: session ?? request.work,
  }
}

const order: readonly Need['kind'][] = ['run', 'sql', 'verb', 'write', 'net', 'read']

function strongest(needs: readonly Need[]): Need | undefined {
  return order.map(kind => needs.find(need => need.kind === kind)).find(need => need !== undefined)
}

function typeOf(tool: string, need: Need): AuditType {
  switch (need.kind) {
    case 'run':
    case 'sql':
      return 'command_executed'
    case 'verb':
      return /^(domain|deploy|certificate)\.(?!status|list|read)/.test(need.verb) ? 'config_changed' : 'api_call'
    case 'write':
      return /delete|remove/i.test(tool) ? 'file_delete' : 'file_write'
    case 'net':
      return 'api_call'
    case 'read':
      return 'file_read'
  }
}

function targetOf(need: Need): string {
  switch (need.kind) {
    case 'read':
    case 'write':
      return need.path
    case 'net':
      return `${need.host}:${need.port}`
    case 'sql':
      return need.statement
    case 'verb':
      return JSON.stringify(need.input)
    case 'run':
      return need.argv.join(' ')
  }
}
