import { expect, test } from 'bun:test'
import { task } from '../testing/fake-tasks.ts'
import { layersOf } from './layers.ts'

const named = (id: string, ...dependsOn: readonly string[]) => task({ id, dependsOn })
const places = (...tasks: Parameters<typeof layersOf>[0]) =>
  Object.fromEntries(layersOf(tasks).map(({ task: { id }, column, row }) => [id, `${column}.${row}`]))

test('a chain goes to the right', () => {
  expect(places(named('code'), named('qa', 'code'), named('infra', 'qa'))).toEqual({ code: '0.0', qa: '1.0', infra: '2.0' })
})

test('a task stands to the right of the last that it waits for, in whatever order they are given', () => {
  expect(places(named('end', 'a', 'c'), named('c', 'b'), named('b', 'a'), named('a'))).toEqual({
    a: '0.0',
    b: '1.0',
    c: '2.0',
    end: '3.0',
  })
})

test('those that wait for the upper stand above', () => {
  expect(places(named('a'), named('b'), named('of-b', 'b'), named('of-a', 'a'))).toEqual({
    a: '0.0',
    b: '0.1',
    'of-a': '1.0',
    'of-b': '1.1',
  })
})

test('a dependency from elsewhere moves nothing, and a cycle ends', () => {
  expect(places(named('a', 'elsewhere'))).toEqual({ a: '0.0' })
  expect(Object.keys(places(named('a', 'b'), named('b', 'a'))).sort()).toEqual(['a', 'b'])
})
