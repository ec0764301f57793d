import { expect, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { starterFiles } from './git/init.ts'
import { jsonSchemas, schemasFolder } from './json-schema.ts'

test('the committed schemas are current; else run bun run schemas', async () => {
  expect((await readdir(schemasFolder)).sort()).toEqual([...jsonSchemas().keys()].sort())
  for (const [name, text] of jsonSchemas()) expect(await Bun.file(join(schemasFolder, name)).text()).toBe(text)
})

test('each document of the starter repository names a schema that lies beside it', async () => {
  const files = await starterFiles()
  for (const name of ['agents', 'domains', 'settings', 'permissions', 'network']) {
    const line = `# yaml-language-server: $schema=.schemas/${name}.schema.json\n`
    expect(files.get(`${name}.yaml`)).toStartWith(line)
    expect(files.get(`.schemas/${name}.schema.json`)).toBe(jsonSchemas().get(`${name}.schema.json`))
  }
})
