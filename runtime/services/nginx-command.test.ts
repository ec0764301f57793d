import { expect, test } from 'bun:test'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { homeAt } from '../os/home.ts'
import { spawn } from '../os/spawn.ts'
import { makeNginxFolders } from './nginx.ts'
import { nginxTestCommand } from './nginx-command.ts'

test('a configuration with ports 80 and 443 is tested without root, whoever holds them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'))
  try {
    const home = homeAt(folder)
    await makeNginxFolders(home)
    const generation = join(home.nginx, 'generations', '1')
    await mkdir(generation, { recursive: true })
    const configuration = join(generation, 'nginx.conf')
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      name => `${name}_temp_path ${home.run}/nginx/${name};`,
    )
    await writeFile(
      configuration,
      `pid ${home.run}/nginx/nginx.pid; error_log stderr; events {}
       http { access_log off; ${temporary.join(' ')} server { listen 80; listen 443; return 204; } }`,
    )
    expect(await spawn(nginxTestCommand(home, configuration))).toMatchObject({ code: 0, stderr: '' })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
