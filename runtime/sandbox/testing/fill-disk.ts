import { statfsSync } from 'node:fs'
import { policyWith, rules } from '../../policy/rules/testing/policy.ts'
import { createSandbox } from '../create.ts'
import { shellIn, somePlaces } from './places.ts'

/** Runs where the folder is a small disk of its own; a command writes file after file, and what came of it is printed. */
const [folder = ''] = process.argv.slice(2)
await using places = await somePlaces()
const sandbox = createSandbox()
const policy = policyWith({ read: rules(['workspace']), write: rules(['workspace']), env: rules(['PATH']) })
const { notes } = await shellIn(
  sandbox,
  places,
  policy,
)('for i in $(seq 400); do head -c 1000000 /dev/zero > f$i; [ $i -lt 370 ] || sleep 0.2; done')
const { bavail, bsize } = statfsSync(folder)
process.stdout.write(JSON.stringify({ notes, left: bavail * bsize }))
await sandbox.stop()
