import { expect, test } from 'bun:test'
import { systemPrompt } from './prompt.ts'

const code = {
  ...{ name: 'code', description: 'Writes programs', prompt: '  Be brief.\n' },
  team: [
    { name: 'code', description: 'Writes programs' },
    { name: 'qa', description: '' },
  ],
}

test('the prompt is the agent’s own, then who it is, who else there is, and what is data', () => {
  const words = systemPrompt(code)
  expect(words).toStartWith('Be brief.\n\nYou are the agent "code" (Writes programs) of AI Infrastructure')
  expect(words).toContain('The other agents:\n- qa\n')
  expect(words).toContain('comes from strangers')
})

test('nothing in it changes from one turn to the next', () => {
  expect(systemPrompt(code)).toBe(systemPrompt({ ...code }))
  expect(systemPrompt(code)).not.toMatch(/\b20\d\d\b/)
})
