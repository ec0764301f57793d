import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { spawn, spawnChecked } from '../../runtime/os/spawn.ts'

const cache = '/var/cache/ai-infra-test'

/** What a small server image has beyond Debian's minimum; everything else is the installer's to bring. */
const included = ['systemd', 'systemd-sysv', 'dbus', 'openssh-server', 'ca-certificates', 'curl', 'iproute2']

/** Packages that were downloaded stay on this machine for the next run. */
export const downloads = { debs: join(cache, 'debs'), npm: join(cache, 'npm') }

/** A bare Debian 12 in a folder, made once on this machine. */
export async function bareDebian(): Promise<string> {
  const recipe = createHash('sha256').update(included.join()).digest('hex').slice(0, 8)
  const base = join(cache, `bookworm-${recipe}`)
  await Promise.all(Object.values(downloads).map(path => mkdir(path, { recursive: true })))
  if ((await readdir(cache)).includes(`bookworm-${recipe}`)) return base
  const stage = `${base}.new`
  await rm(stage, { recursive: true, force: true })
  const command = ['debootstrap', '--variant=minbase', `--include=${included.join()}`, 'bookworm', stage, await mirror()]
  await spawnChecked(spawn, command, { timeout: 600_000 })
  await rename(stage, base)
  return base
}

/** The first Debian mirror that this machine itself uses. */
async function mirror(): Promise<string> {
  const indexes = await spawnChecked(spawn, ['apt-get', 'indextargets', '--format', '$(SITE) $(RELEASE) $(CREATED_BY)'])
  const found = indexes.split('\n').find(line => line.endsWith(' bookworm Packages'))
  if (found === undefined) throw new Error('this machine knows no Debian 12 mirror: tests/install needs one')
  return found.split(' ')[0] ?? ''
}

/** The machine installs packages the way this one does: same mirrors, proxies and certificates. */
export async function copyPackageSettings(root: string): Promise<void> {
  await rm(join(root, 'etc/apt/sources.list'), { force: true })
  const asIs = [
    '/etc/apt/sources.list',
    '/etc/apt/sources.list.d',
    '/etc/apt/trusted.gpg.d',
    '/etc/apt/keyrings',
    '/etc/apt/auth.conf.d',
  ]
  const networks = ['/etc/npmrc', '/usr/etc/npmrc', '/root/.npmrc', '/usr/local/share/ca-certificates', '/etc/resolv.conf']
  for (const path of [...asIs, ...networks, ...(await downloadSettings())]) await copyIfThere(path, join(root, path))
  await spawnChecked(spawn, ['chroot', root, 'update-ca-certificates'], { timeout: 120_000 })
  const names = /^(https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$/i
  const variables = Object.entries(process.env).filter(([name]) => names.test(name))
  await Bun.write(join(root, 'etc/environment'), variables.map(([name, value]) => `${name}="${value}"\n`).join(''))
}

/** Files of apt's configuration that say how to download; others belong to programs that the machine does not have. */
async function downloadSettings(): Promise<string[]> {
  const { stdout } = await spawn(['grep', '-l', '-r', 'Acquire::', '/etc/apt/apt.conf.d'])
  return stdout.split('\n').filter(path => path !== '' && !path.includes('docker'))
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await cp(from, to, { recursive: true, dereference: true, force: true })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}
