// Pictures of the portal on invented data: bun web/portal/testing/shoot.ts FOLDER [PATH...]
import { chromium } from 'playwright-core'
import { playBackups } from './backup-scene.ts'
import { dnsScene } from './dns-scene.ts'
import { house } from './house.ts'
import { divergeInScene, holdInScene, playOutside, playScene, refuseInScene } from './scene.ts'
import { playWork } from './work-scene.ts'

const [folder = '/tmp/portal-shots', ...only] = process.argv.slice(2)
const paths = only.length > 0 ? only : ['/', '/chat', '/chat/new', '/sign-in', '/account', '/nowhere']
const home = house({ dns: dnsScene() })
playScene(home.engine, home.agents, home.repository)
playBackups(home.engine, home.backups)
playOutside(home)
await playWork(home.agents, home.tasks, home.approvals, home.health)
if (process.env.HELD) holdInScene(home.engine)
if (process.env.UPSTREAM) divergeInScene(home.upstream)
if (process.env.UPSTREAM === 'refused') refuseInScene(home.upstream)
const listener = home.listen()
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
const views = [
  { name: 'wide', viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
  { name: 'dark', viewport: { width: 1440, height: 900 }, colorScheme: 'dark' },
  { name: 'phone', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
] as const
// The plan that a review shows, as the engine would make it.
const fields = [{ name: 'proxy', before: '', after: 'http://127.0.0.1:9000' }]
home.engine.planned = {
  ...home.engine.planned,
  changes: [{ kind: 'site', key: 'shop.example.com', operation: 'create', summary: 'proxy to http://127.0.0.1:9000', fields }],
}
for (const { name, ...options } of views) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  page.on('console', message => process.stdout.write(`${message.type()}: ${message.text()}\n`))
  for (const path of paths) {
    await page.goto(`http://127.0.0.1:${listener.port}${path}`)
    await page.waitForTimeout(300)
    if (path === '/domains/new' && process.env.REVIEW) {
      await page.fill('[name=host]', 'shop.example.com')
      await page.check('[value=proxy]')
      await page.fill('[name=proxy]', process.env.REVIEW)
      await page.click('text=Show the plan')
      await page.waitForTimeout(300)
    }
    const file = `${folder}/${path.replace(/[^a-z0-9]+/gi, '-').replace(/^-|-$/g, '') || 'overview'}-${name}.png`
    await page.screenshot({ path: file, fullPage: name === 'phone' })
    process.stdout.write(`${file}\n`)
  }
  await context.close()
}
await browser.close()
await listener.stop()
process.exit(0)
