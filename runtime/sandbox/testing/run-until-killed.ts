import { policyWith, rules } from '../../policy/rules/testing/policy.ts'
import { createSandbox } from '../create.ts'
import { shellIn, somePlaces } from './places.ts'

/** A process with a command in its sandbox, to be killed; it prints the home of its places once the command runs. */
const places = await somePlaces()
const run = shellIn(createSandbox(), places, policyWith({ read: rules(['workspace']), write: rules(['workspace']) }))
const running = run('touch started; sleep 4242')
while (!(await Bun.file(`${places.workspace}/started`).exists())) await Bun.sleep(10)
process.stdout.write(`${places.home}\n`)
await running
