import { expect, test } from 'bun:test'
import { type Spawn, spawn } from '../../runtime/os/spawn.ts'
import { createRig, domains, staticSite } from './testing/rig.ts'

test('a rehearsed change is tested by nginx once, before it is accepted, and no rehearsal stands for another change', async () => {
  const rig = await createRig()
  try {
    await rig.startNginx()
    let tests = 0
    const counting: Spawn = (argv, options) => {
      if (argv.includes('-t')) tests++
      return spawn(argv, options)
    }
    const reconciler = rig.reconciler({ spawn: counting })
    const wanted = (...names: string[]) => domains(...names.map(name => staticSite(`${name}.example.com`, { root: name })))
    const rehearse = async (...names: string[]) => {
      const { changes } = await rig.look(wanted(...names), reconciler)
      await reconciler.rehearse?.(changes, new AbortController().signal)
    }

    await rehearse('first')
    expect(tests).toBe(1)
    expect((await rig.get('first.example.com')).status).toBe(404)
    expect((await rig.converge(wanted('first'), reconciler)).second.changes).toEqual([])
    expect(tests).toBe(1)
    expect((await rig.get('first.example.com')).status).toBe(200)

    await rehearse('first', 'refused')
    expect((await rig.converge(wanted('first', 'second'), reconciler)).second.changes).toEqual([])
    expect(tests).toBe(3)
    expect((await rig.get('second.example.com')).status).toBe(200)
    expect((await rig.get('refused.example.com')).status).toBe(404)
  } finally {
    await rig.close()
  }
})
