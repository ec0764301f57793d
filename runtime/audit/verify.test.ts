import { expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../os/clock.ts'
import { type Anchor, readNote, renderNote } from './anchor.ts'
import type { AuditEvent } from './event.ts'
import { renderLine } from './line.ts'
import { openAuditLog } from './log.ts'
import { currentName } from './segments.ts'
import { verifyAudit } from './verify.ts'

const event: AuditEvent = { type: 'api_call', agent: 'code', user: '', action: 'fetch', target: 'a:443', outcome: 'success' }

/** A chain of 10 lines, handed to whoever tampers with it; gives what verification finds. */
async function tampered(work: (lines: string[]) => string[] | undefined, anchors: readonly Anchor[] = []) {
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  try {
    const log = await openAuditLog({ folder, clock: systemClock })
    for (let number = 1; number <= 10; number++) await log.append({ ...event, target: `host${number}:443` })
    const anchor = { ...log.last(), time: '2026-01-01T00:00:00.000Z' }
    await log.stop()
    const path = join(folder, currentName)
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
    const changed = work(lines) ?? lines
    await writeFile(path, `${changed.join('\n')}\n`)
    const result = await verifyAudit({ folder, anchors: [anchor, ...anchors], writing: false })
    return { ...result, found: result.flaws.map(({ what, line }) => `${what} ${line}`) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The lines as somebody would write them anew who knows how the chain is made. */
function rechain(lines: readonly string[]): string[] {
  let link = { sequence: 0, hash: '0'.repeat(64) }
  return lines.map(line => {
    const next = renderLine(link, JSON.parse(line), new Date())
    link = next.link
    return next.text.trimEnd()
  })
}

test('a chain that nobody touched is whole', async () => {
  expect(await tampered(() => undefined)).toMatchObject({ sound: true, lines: 10, found: [], last: { sequence: 10 } })
})

test('an edited line is found, also when its own hash was made to fit', async () => {
  expect((await tampered(lines => lines.with(4, lines[4]?.replace('host5', 'host6') ?? ''))).found).toEqual(['edited 5'])
  const forged = await tampered(lines => {
    const previous = JSON.parse(lines[3] ?? '')
    return lines.with(
      4,
      renderLine({ sequence: 4, hash: previous.hash }, { ...event, target: 'other' }, new Date()).text.trimEnd(),
    )
  })
  expect(forged.found).toEqual(['edited 6'])
})

test('removed, inserted and moved lines are found, with where and what', async () => {
  const removed = await tampered(lines => lines.toSpliced(4, 1))
  expect([removed.found, removed.flaws[0]?.message]).toEqual([['removed 5'], 'line 5 is missing before this one'])
  expect((await tampered(lines => lines.toSpliced(4, 3))).flaws[0]?.message).toBe('lines 5 to 7 are missing before this one')
  const inserted = await tampered(lines => {
    const previous = JSON.parse(lines[3] ?? '')
    return lines.toSpliced(4, 0, renderLine({ sequence: 4, hash: previous.hash }, event, new Date()).text.trimEnd())
  })
  expect(inserted.found).toContain('inserted 6')
  const copied = await tampered(lines => lines.toSpliced(4, 0, lines[2] ?? ''))
  expect(copied.found).toContain('reordered 5')
  const moved = await tampered(lines => [...lines.slice(0, 4), lines[5] ?? '', lines[4] ?? '', ...lines.slice(6)])
  expect(moved.found).toContain('reordered 6')
  expect((await tampered(lines => lines.toSpliced(4, 0, 'nonsense', ''))).found).toEqual(['unreadable 5', 'unreadable 6'])
})

test('a cut tail is found by the note that was kept elsewhere', async () => {
  const cut = await tampered(lines => lines.slice(0, 7))
  expect([cut.found, cut.sound]).toEqual([['cut 0'], false])
  expect(cut.flaws[0]?.message).toContain('there were 10 lines, now the last is 7')
  expect((await tampered(lines => lines.slice(0, 0))).found).toContain('cut 0')
})

test('a chain that was written anew as a whole is found by the note', async () => {
  const anew = await tampered(lines => rechain(lines.with(2, lines[2]?.replace('host3', 'host9') ?? '')))
  expect(anew.found).toEqual(['rewritten 10'])
})

test('a half line at the end is a flaw, unless the appliance writes at this moment', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  try {
    const log = await openAuditLog({ folder, clock: systemClock })
    await log.append(event)
    await appendFile(join(folder, currentName), '{"previous":"')
    expect((await verifyAudit({ folder, anchors: [], writing: false })).flaws[0]?.what).toBe('incomplete')
    expect((await verifyAudit({ folder, anchors: [], writing: true })).sound).toBe(true)
    await log.stop()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a missing segment and a shortened one are found', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  try {
    const log = await openAuditLog({ folder, clock: systemClock, segment: 2_000 })
    for (let number = 0; number < 30; number++) await log.append(event)
    await log.stop()
    const verify = async () => (await verifyAudit({ folder, anchors: [], writing: false })).flaws.map(({ what }) => what)
    expect(await verify()).toEqual([])
    const [, second = '', third = ''] = (await readdir(folder)).filter(name => name.startsWith('audit-')).sort()
    const text = await readFile(join(folder, third), 'utf8')
    await truncate(join(folder, third), text.indexOf('\n') + 1)
    expect(await verify()).toContain('removed')
    await writeFile(join(folder, third), text)
    await rm(join(folder, second))
    expect(await verify()).toContain('removed')
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a note counts only with the signature of its own key, over exactly what it says', () => {
  const [ours, theirs] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]
  const anchor = { sequence: 7, hash: 'a'.repeat(64), time: '2026-01-01T00:00:00.000Z' }
  const note = renderNote(anchor, ours.privateKey)
  expect(readNote(note, ours.publicKey)).toEqual(anchor)
  expect(readNote(note, theirs.publicKey)).toBeUndefined()
  expect(readNote(note.replace('"sequence":7', '"sequence":6'), ours.publicKey)).toBeUndefined()
  expect(readNote('nonsense', ours.publicKey)).toBeUndefined()
})
