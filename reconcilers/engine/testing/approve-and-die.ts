import { openStore } from '../../../runtime/store/store.ts'
import { createKinds, everything, startKinds } from './kinds.ts'
import { createHistory } from './world.ts'

/**
 * An appliance whose head takes everything away. It says what is held, approves that, and dies of signal 9 `after` that,
 * before anything of it is done; or somewhere in it, as its parent has the database not answer.
 */
const [socketFolder = '', when = 'after'] = process.argv.slice(2)
const { worlds, reconcilers } = createKinds()
const history = createHistory()
const before = history.at(history.commit(everything))
if (before === undefined) throw new Error('no state')
for (const [kind, world] of Object.entries(worlds)) {
  for (const [key, thing] of reconcilers.find(reconciler => reconciler.kind === kind)?.select(before) ?? [])
    world.things.set(key, thing.value)
}
for (const reconciler of reconcilers) reconciler.apply = () => new Promise(() => {})
history.commit({})
const engine = await startKinds(openStore({ socketFolder, database: 'ai_infrastructure' }), history, reconcilers)
while (engine.holds().length === 0) await new Promise<void>(resolve => engine.subscribe(() => resolve()))
const id = engine.holds()[0]?.id ?? ''
process.stdout.write(`${id}\n`)
await engine.approve(id, 'ada')
if (when === 'after') process.kill(process.pid, 'SIGKILL')
