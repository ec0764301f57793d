// A mirror that is killed at one of its steps: bun killed-at.ts HOME DATABASE STEP look|push
import { homeAt } from '../../../runtime/os/home.ts'
import { openStore } from '../../../runtime/store/store.ts'
import { openHouse } from './rig.ts'

const [root = '', socketFolder = '', fatal = '', verb = ''] = process.argv.slice(2)
const die = (name: string) => {
  if (name === fatal) process.kill(process.pid, 'SIGKILL')
}
const store = openStore({ socketFolder, database: 'ai_infrastructure' })
const { mirror } = await openHouse(homeAt(root), store, { step: die })
if (verb === 'look') await mirror.look()
else await mirror.push(new AbortController().signal, async name => die(name))
await store.end()
