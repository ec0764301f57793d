import { join } from 'node:path'
import { createAuditNotes } from '../desired-state/git/audit-notes.ts'
import { type Anchor, publicKeyIn, publicName, readNote } from '../runtime/audit/anchor.ts'
import { explainFlaw, unreadable, type Verification, verifyAudit } from '../runtime/audit/verify.ts'
import type { Home } from '../runtime/os/home.ts'
import { lockHolder } from '../runtime/os/lock.ts'
import { readArguments } from './arguments.ts'
import { type Command, WrongUse } from './command.ts'

export const audit: Command = {
  name: 'audit',
  usage: 'verify [--key FILE] [--anchor FILE] [--json]',
  summary: 'check the whole audit for lines that were edited, removed, put in, moved or cut off; works while nothing runs',
  async run(args, { environment, out, error }) {
    const options = { json: { type: 'boolean' }, key: { type: 'string' }, anchor: { type: 'string' } } as const
    const { positionals, values } = readArguments(args, options, { least: 1, most: 1 })
    if (positionals[0] !== 'verify') throw new WrongUse(`${positionals[0]} is nothing that audit can do`)
    const result = await verify(environment.home, { key: values.key, anchor: values.anchor })
    if (values.json) out(JSON.stringify(result))
    else for (const line of verificationLines(result)) (result.sound ? out : error)(line)
    return result.sound ? 0 : 1
  },
}

interface Kept {
  /** Files that the reader keeps elsewhere; without them those of the home are taken. */
  readonly key: string | undefined
  readonly anchor: string | undefined
}

async function verify(home: Home, { key: keyFile, anchor: anchorFile }: Kept): Promise<Verification> {
  try {
    const key = await publicKeyIn(keyFile ?? join(home.keys, publicName))
    if (keyFile !== undefined && key === undefined) throw new Error(`${keyFile} is not there`)
    const stored = createAuditNotes(home.repository)
    const notes = [await stored.get(), ...(await stored.kept())].filter(note => note !== undefined)
    if (anchorFile !== undefined) notes.push(await Bun.file(anchorFile).text())
    const anchors = notes.map(note => (key === undefined ? undefined : readNote(note, key)))
    const writing = lockHolder(join(home.audit, 'audit.lock')) !== undefined
    const result = await verifyAudit({ folder: home.audit, anchors: anchors.filter(isAnchor), writing })
    const flaws = [...result.flaws, ...noteFlaws(notes.length, anchors, key !== undefined, result.lines)]
    return { ...result, flaws, sound: flaws.length === 0 }
  } catch (error) {
    return unreadable(home.audit, error)
  }
}

const isAnchor = (anchor: Anchor | undefined): anchor is Anchor => anchor !== undefined

function noteFlaws(
  notes: number,
  anchors: readonly (Anchor | undefined)[],
  hasKey: boolean,
  lines: number,
): Verification['flaws'] {
  const flaw = (message: string) => ({ file: 'refs/audit/anchor', line: 0, what: 'anchor' as const, message })
  if (notes === 0 && (hasKey || lines > 0))
    return [flaw('there is no note of how far the audit went: it was removed, or never written')]
  if (!hasKey && notes > 0) return [flaw('the public key that the notes are signed with is gone')]
  return anchors.filter(anchor => anchor === undefined).map(() => flaw('the signature of a note is wrong'))
}

export function verificationLines({ sound, lines, last, anchor, flaws }: Verification): string[] {
  if (!sound)
    return [
      ...flaws.map(explainFlaw),
      `The audit is broken: ${flaws.length === 1 ? 'one flaw' : `${flaws.length} flaws`} in ${lines} lines.`,
    ]
  const noted = anchor === undefined ? '' : `; the note of ${anchor.time} vouches for the first ${anchor.sequence}`
  return [`The audit is whole: ${lines} lines up to ${last.sequence}${noted}.`]
}
