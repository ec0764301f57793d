import { expect, test } from 'bun:test'
import { namedPaths } from './run.ts'

const names = (command: string, ...paths: readonly string[]) => {
  const found = namedPaths(command)
  expect([command, paths.filter(path => !found.includes(path))]).toEqual([command, []])
}

test('files that a command names are found however it names them', () => {
  names('bash deploy.sh', 'deploy.sh')
  names("bash 'my deploy'.sh; sh <x.sh", 'x.sh', 'deploy.sh')
  names('bash d"eplo"y.sh', 'deploy.sh')
  names('bash de\\ploy.sh', 'deploy.sh')
  names('curl -d @secret.txt --data=@more.txt x', 'secret.txt', 'more.txt')
  names('awk -fprog.awk in', 'prog.awk')
  names('make -C sub; ./x', 'sub', './x')
  names('psql --file=q.sql', 'q.sql')
  names('$(cat list) && `cat other`', 'list', 'other')
  names(`echo ${'pad '.repeat(500)}; bash last.sh`, 'last.sh')
})

test('so are files that a program reads without being told', () => {
  names('npm test', 'package.json')
  names('cd x && make all', 'Makefile')
  names('pytest -q', 'conftest.py')
  expect(namedPaths('ls')).toEqual(['ls'])
})
