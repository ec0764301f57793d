import { expect, test } from 'bun:test'
import { parseTree } from './parse.ts'
import { renderMistake } from './state.ts'

const parse = (files: Readonly<Record<string, string>>) =>
  parseTree(
    Object.entries(files).map(([path, text]) => ({ path, mode: '100644', bytes: new TextEncoder().encode(text) })),
    'r',
  )
const mistakesOf = (files: Readonly<Record<string, string>>) => {
  const result = parse(files)
  return result.ok ? [] : result.mistakes.map(renderMistake)
}

test('the tools of an agent are the files in its folder', () => {
  const result = parse({ 'agents/code/tools/b.ts': 'two', 'agents/code/tools/a.ts': 'one', 'agents/code/notes/c.ts': 'no tool' })
  if (!result.ok) throw new Error('refused')
  expect(result.state.agents.get('code')?.tools).toEqual([
    { name: 'a.ts', text: 'one' },
    { name: 'b.ts', text: 'two' },
  ])
  expect(result.state.agents.get('qa')?.tools).toEqual([])
})

test('a tool of nobody, of a wrong name, or too large is a mistake that says what to do', () => {
  expect(mistakesOf({ 'agents/coder/tools/a.ts': '' })).toEqual([
    expect.stringMatching(/^agents\/coder\/tools:1:1: there is no agent coder; did you mean "code"/),
  ])
  expect(mistakesOf({ 'agents/code/tools/My Tool.ts': '' })).toEqual([expect.stringContaining('rename it')])
  expect(mistakesOf({ 'agents/code/tools/a.ts': 'x'.repeat(300_000) })).toEqual([expect.stringContaining('262144')])
  const many = Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`agents/code/tools/t${n}.ts`, '']))
  expect(mistakesOf(many)).toEqual([expect.stringContaining('21 tools are too many')])
})
