import { join } from 'node:path'
import { createAuditNotes } from '../desired-state/git/audit-notes.ts'
import { type Anchor, publicKeyIn, publicName, readNote } from '../runtime/audit/anchor.ts'
import { unreadable, type Verification, verifyAudit } from '../runtime/audit/verify.ts'
import type { Home } from '../runtime/os/home.ts'
import { lockHolder } from '../runtime/os/lock.ts'

export interface Kept {
  /** Files that the reader keeps elsewhere; without them those of the home are taken. */
  readonly key?: string | undefined
  readonly anchor?: string | undefined
}

/** Reads the whole audit of a home and compares it with the signed notes; works while nothing runs, too. */
export async function verifyHome(home: Home, { key: keyFile, anchor: anchorFile }: Kept = {}): Promise<Verification> {
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
