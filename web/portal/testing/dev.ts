// The portal on invented data, to look at it: bun web/portal/testing/dev.ts [PORT]

import { playBackups } from './backup-scene.ts'
import { house } from './house.ts'
import { holdInScene, playOutside, playScene } from './scene.ts'
import { playWork } from './work-scene.ts'

const home = house()
playScene(home.engine, home.agents, home.repository)
playBackups(home.engine, home.backups)
playOutside(home)
await playWork(home.agents, home.tasks, home.approvals, home.health)
if (process.argv.includes('--held')) holdInScene(home.engine)
const { port } = home.listen(Number(process.argv[2] ?? 0))
process.stdout.write(`http://127.0.0.1:${port}\n`)
