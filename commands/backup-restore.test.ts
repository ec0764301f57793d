import { expect, test } from 'bun:test'
import { readEnvironment } from '../runtime/os/environment.ts'
import { backup } from './backup.ts'
import { keysFor, startOf } from './backup-restore.ts'
import { pasteable } from './command.ts'

test('the keys of a bucket and of a REST server are each read from their own variables, and half of a pair is told', () => {
  const variables = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_SESSION_TOKEN: 'c', RESTIC_REST_USERNAME: 'me' }
  expect(keysFor('s3:https://box/bucket', variables)).toEqual({ access: 'a', secret: 'b', session: 'c' })
  expect(() => keysFor('rest:https://box/atlas', variables)).toThrow('RESTIC_REST_PASSWORD is not set, and the other one is')
  expect(keysFor('rest:https://box/atlas', { ...variables, RESTIC_REST_PASSWORD: 'x' })).toEqual({ access: 'me', secret: 'x' })
  expect(keysFor('rest:https://box/atlas', { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' })).toBeUndefined()
  expect(keysFor('/srv/atlas', variables)).toBeUndefined()
})

test('what a restore says at its end is a command that starts what is there', () => {
  const environment = readEnvironment({ HOME: '/home/ada', AI_INFRA_HOME: '/srv/atlas' }, 1_000)
  expect(startOf({ called: './main.ts', environment }, '/srv/atlas')).toBe('AI_INFRA_HOME=/srv/atlas ./main.ts up')
  expect(startOf({ called: '/root/p/install.sh', environment }, '/srv/atlas')).toBe(
    'AI_INFRA_HOME=/srv/atlas /root/p/install.sh run',
  )
  expect(startOf({ called: '/root/p/install.sh', environment }, '/var/lib/ai-infra')).toBe('sudo /root/p/install.sh')
  expect(startOf({ called: 'ai-infra', environment }, '/var/lib/ai-infra')).toBe('sudo systemctl start ai-infra.target')
  const own = readEnvironment({ ...process.env, AI_INFRA_HOME: '' })
  expect(startOf({ called: './main.ts', environment: own }, own.home.root)).toBe('./main.ts up')
})

test('a command that is shown to be pasted names the home where another shell would look elsewhere', () => {
  const environment = readEnvironment({ HOME: '/home/ada', AI_INFRA_HOME: "/srv/ada's" }, 1_000)
  expect(pasteable({ called: './main.ts', environment })).toBe("AI_INFRA_HOME='/srv/ada'\\''s' ./main.ts")
  expect(pasteable({ called: 'ai-infra', environment })).toBe('ai-infra')
  const own = readEnvironment({ ...process.env, AI_INFRA_HOME: '' })
  expect(pasteable({ called: './main.ts', environment: own })).toBe('./main.ts')
})

test('through the installer the words of the installer are explained, and no running appliance is asked', async () => {
  const said: string[] = []
  const context = {
    ...{ environment: readEnvironment(process.env), program: '/p', called: '/p/install.sh', out: () => {} },
    error: (line: string) => void said.push(line),
  }
  expect(await backup.run(['restore', 'nightly'], context)).toBe(2)
  expect(said[0]).toBe('/p/install.sh restore: say where the repository is')
  expect(said[1]).toBe('use: /p/install.sh restore --repository R [SNAPSHOT] [--into DIR]')
  expect(await backup.run(['restore', '--regoin', 'x'], context)).toBe(2)
  expect(said.join('\n')).not.toContain('backup list')
})
