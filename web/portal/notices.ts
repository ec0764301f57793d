import type { Call } from '../door/route.ts'

/** What a page says after a form did its work. The address carries only the word, so that nobody can make a page say other things. */
const notices = {
  approved: 'Approved. It is being applied now.',
  allowed: 'Approved, once. The agent goes on.',
  always: 'Approved, and the rule is committed.',
  denied: 'Denied. The agent is told.',
  'task-cancelled': 'Cancelled, with what waited for it.',
  'task-retried': 'It begins anew.',
  'task-ended': 'It had ended already.',
  'chat-deleted': 'The conversation is deleted.',
  'secret-set': 'Kept. What waits for it goes on now.',
  'secret-short':
    'Kept, but with less than eight characters it cannot be told from ordinary words, and logs may show it: take a longer one.',
  'secret-hidden': 'Kept, but a nearer place has that name too: its value is used.',
  'secret-removed': 'Removed.',
  'secret-allowed': 'Allowed. What waits for it goes on now.',
  suspended: 'Suspended. It is left alone until then.',
  resumed: 'Resumed. It is looked at now.',
  'backup-asked': 'It begins as soon as nothing else is done with the backups.',
  'backup-restoring': 'It is given back into a folder of its own. What was done is listed below.',
  restarting: 'It finishes what it is doing, then starts anew.',
} as const

export type Notice = keyof typeof notices

export const withNotice = (path: string, notice: Notice): string => `${path}?done=${notice}`

export function noticeOf(call: Call): string | undefined {
  const word = call.url.searchParams.get('done')
  return word !== null && Object.hasOwn(notices, word) ? notices[word as Notice] : undefined
}
