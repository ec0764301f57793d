import { expect, test } from 'bun:test'
import { createRepository } from '../../../desired-state/git/repository.ts'
import { testHome } from '../../../desired-state/testing/home.ts'
import { fakeEngine } from '../../portal/testing/fakes.ts'
import { changeDocument } from './change.ts'

test("an agent's change of what agents are, are told or may do is refused before it becomes a commit", async () => {
  await using place = await testHome()
  const repository = createRepository(place.home)
  const head = await repository.head()
  const change = (path: string) =>
    changeDocument(
      { repository, engine: fakeEngine() },
      { path, message: 'more for me', resource: { kind: 'agent', key: 'code' }, edit: () => 'x: y\n' },
      { agent: 'code', work: 'w', attempt: 1, call: 'c', signal: AbortSignal.timeout(5000) },
    )
  for (const path of ['permissions.yaml', 'network.yaml', 'agents.yaml', 'agents/code.md', 'settings.yaml']) {
    await expect(change(path)).rejects.toThrow(`${path} is changed by a person only`)
  }
  expect(await repository.head()).toBe(head)
})
