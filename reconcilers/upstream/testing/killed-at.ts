// A mirror that is killed at one of its steps: bun killed-at.ts HOME DATABASE STEP look|push|follow|forget [URL]
import { homeAt } from '../../../runtime/os/home.ts'
import { openStore } from '../../../runtime/store/store.ts'
import { createUpstreamReconciler, type UpstreamAction } from '../reconciler.ts'
import { declared, openHouse } from './rig.ts'

const [root = '', socketFolder = '', fatal = '', verb = '', url = '/'] = process.argv.slice(2)
const die = (name: string) => {
  if (name === fatal) process.kill(process.pid, 'SIGKILL')
}
const store = openStore({ socketFolder, database: 'ai_infrastructure' })
const { mirror, repository, exchange } = await openHouse(homeAt(root), store, { step: die })
const actions = {
  push: { type: 'push', revision: '' },
  follow: { type: 'follow', declared: declared(url) },
  forget: { type: 'forget' },
} as const satisfies Record<string, UpstreamAction>
if (verb === 'push' || verb === 'follow' || verb === 'forget') {
  const reconciler = createUpstreamReconciler({ mirror, repository, exchange, lookAgain: () => {} })
  const change = { kind: 'upstream', key: 'main', operation: 'update', summary: '', fields: [], action: actions[verb] } as const
  const signal = new AbortController().signal
  await reconciler.apply(change, { signal, step: async name => die(name), progress: () => {} })
} else await mirror.look()
await store.end()
