import { expect, test } from 'bun:test'
import { addRule } from './edit-rules.ts'

const path = ['permissions', 'code', 'run', 'allow'] as const

test('a rule is added at the end of its list, and every comment stays', () => {
  const text = `# who may what\npermissions:\n  code:\n    # of the build\n    run:\n      allow:\n        - make # often\n  data: { run: { deny: [dd] } }\n`
  expect(addRule('permissions.yaml', text, path, 'cowsay hello')).toBe(
    `# who may what\npermissions:\n  code:\n    # of the build\n    run:\n      allow:\n        - make # often\n        - cowsay hello\n  data: { run: { deny: [ dd ] } }\n`,
  )
})

test('a document that is not there, or says nothing of the agent, gets the whole path', () => {
  const made = addRule('permissions.yaml', undefined, path, 'make')
  expect(made).toBe(
    '# yaml-language-server: $schema=.schemas/permissions.schema.json\n\npermissions:\n  code:\n    run:\n      allow:\n        - make\n',
  )
  expect(addRule('permissions.yaml', 'permissions:\n', path, 'make')).toBe(
    'permissions:\n  code:\n    run:\n      allow:\n        - make\n',
  )
  expect(addRule('permissions.yaml', made, path, 'make')).toBeUndefined()
})

test('a list alone, which means allow, is written out first', () => {
  expect(
    addRule(
      'permissions.yaml',
      'permissions:\n  code:\n    run: [git, ls] # two\n',
      ['permissions', 'code', 'run', 'always'],
      'git push',
    ),
  ).toBe('permissions:\n  code:\n    run:\n      allow: [ git, ls ] # two\n      always:\n        - git push\n')
})

test('what YAML could read as something else is quoted', () => {
  const made = addRule('network.yaml', undefined, ['network', 'code', 'allow'], '*:443') ?? ''
  expect(made).toContain('- "*:443"')
})

test('what cannot be read is not edited', () => {
  expect(() => addRule('permissions.yaml', 'permissions: [', path, 'x')).toThrow('not YAML')
  expect(() => addRule('permissions.yaml', 'permissions: { code: 3 }', path, 'x')).toThrow('permissions.code is not')
})
