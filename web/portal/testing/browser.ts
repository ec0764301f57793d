import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const found = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)

/** The browser of the system; it brings no files into the home of whoever runs the tests. */
export async function startBrowser(): Promise<Browser> {
  if (found === undefined) throw new Error('no Chromium here: ./install.sh test installs it')
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
  return chromium.launch({ executablePath: found, args })
}

/** Keeps what the browser complains about: refused scripts and styles, errors of scripts, failed requests. */
export function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  return complaints
}
