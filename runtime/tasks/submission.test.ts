import { expect, test } from 'bun:test'
import { findCycle } from './cycle.ts'
import { soundSubmission } from './submission.ts'
import type { NewTask } from './task.ts'

const task = (name: string, dependsOn: readonly string[] = [], more: Partial<NewTask> = {}): NewTask => ({
  ...{ name, description: `do ${name}`, agent: 'code', dependsOn },
  ...more,
})
const refused = (...tasks: readonly NewTask[]) => {
  try {
    soundSubmission(tasks, ['code', 'qa'])
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
  return 'not refused'
}

test('tasks that wait for each other in a circle are refused, and the circle is named', () => {
  const message = refused(task('a', ['c']), task('b', ['a']), task('c', ['b']), task('d', ['a']))
  expect(message).toContain('the tasks wait for each other in a circle: "a" → "c" → "b" → "a"')
})

test('a task cannot depend on itself, nor on what is not there', () => {
  expect(refused(task('a', ['a']))).toContain('"a" depends on itself')
  expect(refused(task('a', ['nothing']))).toContain('"a" depends on "nothing", which is neither another task')
})

test('every mistake is told at once, and each names its task', () => {
  const message = refused(
    task('a', [], { agent: 'nobody' }),
    task('b', [], { priority: 11 }),
    task('c', [], { timeoutSeconds: 0 }),
    task('c', [], { description: ' ' }),
  )
  expect(message).toContain('the name "c" is there twice')
  expect(message).toContain('"a" is for "nobody", and there is no such agent; there are: code, qa')
  expect(message).toContain('the priority of "b" is a whole number from 1 to 10')
  expect(message).toContain('the timeout of "c" is 1 to 86,400 whole seconds')
  expect(message).toContain('"c" has no description')
})

test('hostile names, numbers and sizes are refused', () => {
  expect(refused()).toContain('there is no task in it')
  for (const name of ['', '  ', 'two\nlines', 'a\0b', '\u202Eevil', 'x'.repeat(201), '\ud800']) {
    expect(refused(task(name))).toContain('is no name')
  }
  for (const priority of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(refused(task('a', [], { priority }))).toContain('priority')
  }
  expect(refused(task('a', [], { maxRetries: 1e9 }))).toContain('retries')
  expect(refused(task('a', [], { description: 'x'.repeat(100_001) }))).toContain('has more than 100000 characters')
  expect(refused(...Array.from({ length: 20_001 }, (_, index) => task(`t${index}`)))).toContain('20000 are allowed')
  expect(refused(task('a', [], { idempotencyKey: 'k' }), task('b', [], { idempotencyKey: 'k' }))).toContain(
    'key "k" is there twice',
  )
})

test('what Postgres cannot keep is taken out of texts', () => {
  expect(soundSubmission([task('a', [], { description: 'a\0b\ud800', criteria: ['\0c'] })], ['code'])[0]).toMatchObject({
    description: 'ab\ufffd',
    criteria: ['c'],
  })
})

test('a chain of ten thousand is no circle, and one that is closed is found', () => {
  const chain = new Map(Array.from({ length: 10_000 }, (_, index) => [`${index}`, index === 0 ? [] : [`${index - 1}`]]))
  expect(findCycle(chain)).toBeUndefined()
  chain.set('0', ['9999'])
  expect(findCycle(chain)).toHaveLength(10_000)
})
