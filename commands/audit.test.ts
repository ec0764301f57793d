import { expect, test } from 'bun:test'
import { copyFile, mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuditNotes } from '../desired-state/git/audit-notes.ts'
import { createGit } from '../desired-state/git/command.ts'
import { initRepository } from '../desired-state/git/init.ts'
import { anchorKey } from '../runtime/audit/anchor.ts'
import { startAnchoring } from '../runtime/audit/anchoring.ts'
import { hasLine } from '../runtime/audit/has-line.ts'
import { openAuditLog } from '../runtime/audit/log.ts'
import { systemClock } from '../runtime/os/clock.ts'
import { readEnvironment } from '../runtime/os/environment.ts'
import { homeAt } from '../runtime/os/home.ts'
import { makeHome } from '../runtime/os/home-folders.ts'
import { silentLog } from '../runtime/os/log.ts'
import { spawnBytes } from '../runtime/os/spawn.ts'
import { audit } from './audit.ts'

/** A home whose runtime has written some lines, noted how far it was, and ended. */
async function room() {
  const home = homeAt(await mkdtemp(join(tmpdir(), 'ai-')))
  await makeHome(home)
  await initRepository(home)
  const run = async (lines: number) => {
    const log = await openAuditLog({ folder: home.audit, clock: systemClock })
    const anchoring = startAnchoring({
      ...{ place: createAuditNotes(home.repository), key: await anchorKey(home.keys), clock: systemClock, log: silentLog },
      ...{ last: log.last, has: anchor => hasLine(home.audit, anchor) },
    })
    await anchoring.begin()
    for (let number = 0; number < lines; number++) {
      await log.append({ type: 'api_call', agent: 'code', user: '', action: 'a', target: `${number}`, outcome: 'success' })
    }
    await log.stop()
    await anchoring.stop()
  }
  await run(10)
  const said: string[] = []
  return {
    home,
    run,
    file: join(home.audit, 'audit.jsonl'),
    async verify(...args: string[]) {
      said.length = 0
      const environment = readEnvironment({ AI_INFRA_HOME: home.root })
      const say = (line: string) => void said.push(line)
      const status = await audit.run(['verify', ...args], { environment, program: '', called: 'ai-infra', out: say, error: say })
      return { status, said: said.join('\n') }
    },
    [Symbol.asyncDispose]: () => rm(home.root, { recursive: true }),
  }
}

const cut = async (path: string, lines: number) =>
  writeFile(path, `${(await readFile(path, 'utf8')).trimEnd().split('\n').slice(0, lines).join('\n')}\n`)

test('a whole audit is vouched for without a running appliance, from the note in the repository', async () => {
  await using home = await room()
  const { status, said } = await home.verify()
  expect([status, said]).toEqual([
    0,
    expect.stringMatching(/^The audit is whole: 10 lines up to 10; the note of \S+ vouches for the first 10\.$/),
  ])
  expect(JSON.parse((await home.verify('--json')).said)).toMatchObject({ sound: true, lines: 10, anchor: { sequence: 10 } })
  const refs = await createGit(home.home.repository, spawnBytes).text(['for-each-ref', '--format=%(refname)'])
  expect(refs.split('\n')).toEqual(['refs/audit/anchor', 'refs/heads/main'])
})

test('a cut tail is found, and a runtime that starts on it keeps the note that says so', async () => {
  await using home = await room()
  await cut(home.file, 6)
  expect(await home.verify()).toMatchObject({
    status: 1,
    said: expect.stringContaining('there were 10 lines, now the last is 6'),
  })
  await home.run(8)
  const after = await home.verify()
  expect([after.status, after.said]).toEqual([1, expect.stringContaining('audit.jsonl:10: rewritten: the note of')])
})

test('an edited line is named with its file and number', async () => {
  await using home = await room()
  const text = await readFile(home.file, 'utf8')
  await writeFile(home.file, text.replace('"target":"3"', '"target":"4"'))
  expect(await home.verify()).toEqual({
    status: 1,
    said: 'audit.jsonl:4: edited: line 4 was changed after it was written\nThe audit is broken: one flaw in 10 lines.',
  })
})

test('a note that is gone, forged, or of another key counts for nothing; one that was kept elsewhere does', async () => {
  await using home = await room()
  const notes = createAuditNotes(home.home.repository)
  const note = (await notes.get()) ?? ''
  const [kept, key] = [join(home.home.root, 'note'), join(home.home.root, 'key.pub')]
  await writeFile(kept, note)
  await copyFile(join(home.home.keys, 'audit-anchor.pub'), key)
  await cut(home.file, 6)
  await notes.set(note.replace('"sequence":10', '"sequence":6'))
  expect((await home.verify()).said).toContain('the signature of a note is wrong')
  await createGit(home.home.repository, spawnBytes).bytes(['update-ref', '-d', 'refs/audit/anchor'])
  expect((await home.verify()).said).toContain('there is no note of how far the audit went')
  // Whoever can write everything here makes new keys and notes: those kept elsewhere still tell.
  await unlink(join(home.home.keys, 'audit-anchor.key'))
  await home.run(0)
  expect((await home.verify()).status).toBe(0)
  expect((await home.verify('--key', key, '--anchor', kept)).said).toContain('there were 10 lines, now the last is 6')
})
