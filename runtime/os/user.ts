import { readFileSync } from 'node:fs'

/** The name of the user that we run as, for commands that a person types; its number when the system has no name for it. */
export function userName(uid = process.getuid?.() ?? 0, accounts = readAccounts()): string {
  // Bun's userInfo() only repeats $USER, which a clean environment lacks.
  const account = accounts.split('\n').find(line => line.split(':')[2] === String(uid))
  return account?.split(':')[0] ?? String(uid)
}

function readAccounts(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8')
  } catch {
    return ''
  }
}
