import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { spawn } from '../os/spawn.ts'

test('a unit becomes its service: same process, own arguments, environment and folder', async () => {
  const script = `
    const { becomeService } = await import(${JSON.stringify(join(import.meta.dir, 'become.ts'))})
    console.log(process.pid)
    becomeService({ name: 'redis', argv: ['/bin/sh', '-c', 'echo $$; pwd; env'], env: { ONLY: 'this' }, cwd: '/' })
  `
  const { stdout } = await spawn([process.execPath, '-e', script])
  const [before, after, folder, ...environment] = stdout.trim().split('\n')
  expect(after).toBe(before ?? '')
  expect(folder).toBe('/')
  expect(environment.filter(line => !/^(PWD|SHLVL|_)=/.test(line))).toEqual(['ONLY=this'])
})
