import { restoreAppliance } from '../../composition/restore.ts'

/** `backup restore --repository`, with a death in it: bun restore-killed-at.ts REPOSITORY PASSWORD HOME STEP */
const [repository = '', password = '', into = '', fatal = ''] = process.argv.slice(2)

await restoreAppliance({
  ...{ repository, password, into, snapshot: undefined, keys: undefined, region: undefined, hostKey: undefined },
  ...{ identity: undefined, signal: new AbortController().signal, progress: () => {} },
  onStep: name => {
    if (name === fatal) process.kill(process.pid, 'SIGKILL')
  },
})
