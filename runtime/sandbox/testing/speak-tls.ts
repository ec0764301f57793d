import { policyWith, rules } from '../../policy/rules/testing/policy.ts'
import { createSandbox } from '../create.ts'
import { shellIn, somePlaces } from './places.ts'

/** Asks an HTTPS server of this machine from a sandbox that has a credential; prints what the command printed. */
const port = Number(process.argv[2])
await using places = await somePlaces()
const sandbox = createSandbox()
const run = shellIn(
  sandbox,
  places,
  policyWith({ read: rules(['workspace']), write: rules(['workspace']), env: rules(['PATH', 'HOME']) }),
)
const credentials = [{ name: 'TOKEN', value: 'the real token', hosts: ['localhost'] }]
const result = await run(
  `curl -sS --noproxy '' -H "Authorization: $TOKEN" https://localhost:${port}/; curl -sS --noproxy '' -H "Authorization: $TOKEN" https://127.0.0.1:${port}/; echo "$TOKEN"`,
  { net: { allow: [`localhost:${port}`, `127.0.0.1:${port}`], deny: [] }, credentials },
)
process.stdout.write(result.stdout)
await sandbox.stop()
