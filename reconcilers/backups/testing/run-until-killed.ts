import { homeAt } from '../../../runtime/os/home.ts'
import { ended, roomOver, storeOf } from './rig.ts'

/** A runtime that has one thing done, and dies at a step: bun run-until-killed.ts HOME YAML NAME VERB STEP */
const [root = '', yaml = '', name = '', verb = 'run', fatal = ''] = process.argv.slice(2)
const home = homeAt(root)
const { room } = roomOver(home, storeOf(home), yaml, {
  onStep: (kind, step) => {
    if (kind === `backup-${verb}` && step === fatal) process.kill(process.pid, 'SIGKILL')
  },
})
await room.start()
const run = await ended(room, await room.backups.ask(name, verb === 'verify' ? 'verify' : 'run', 'Ada'))
process.stdout.write(JSON.stringify(run))
process.exit(0)
