import { existsSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { readText } from './files.ts'
import { filesBelow } from './find.ts'

export interface HtmlFinding {
  readonly path: string
  readonly what: string
}

const mostPages = 500
const mostFindings = 200

/** Plain checks of the pages below a folder: what a browser, a search engine or a screen reader needs, and links that lead nowhere. */
export function checkHtml(root: string): { readonly pages: number; readonly findings: readonly HtmlFinding[] } {
  const pages = [...filesBelow(root)].filter(file => /\.html?$/i.test(file)).slice(0, mostPages)
  const base = statSync(root).isDirectory() ? root : dirname(root)
  const findings: HtmlFinding[] = []
  for (const page of pages) {
    const say = (what: string) => void findings.push({ path: relative(base, page), what })
    checkPage(readText(page).slice(0, 1_000_000), page, base, say)
  }
  return { pages: pages.length, findings: findings.slice(0, mostFindings) }
}

function checkPage(html: string, page: string, root: string, say: (what: string) => void): void {
  const bare = html.replace(/<!--[\s\S]*?-->/g, '')
  const has = (pattern: RegExp) => pattern.test(bare)
  if (!has(/^\s*<!doctype html>/i)) say('does not begin with <!doctype html>')
  if (!has(/<html\b[^>]*\slang=/i)) say('<html> has no lang')
  if (!has(/<title>\s*[^<\s]/i)) say('has no <title>, or an empty one')
  if (!has(/<meta\b[^>]*charset=/i)) say('names no charset')
  if (!has(/<meta\b[^>]*name=["']?viewport/i)) say('has no viewport: it will be tiny on phones')
  if (!has(/<main\b/i)) say('has no <main>')
  const headings = [...bare.matchAll(/<h1\b/gi)].length
  if (headings !== 1) say(`has ${headings} <h1>; one is right`)
  for (const [image] of bare.matchAll(/<img\b[^>]*>/gi))
    if (!/\salt=/i.test(image)) say(`an image has no alt: ${image.slice(0, 100)}`)
  for (const id of doubles([...bare.matchAll(/\sid=["']([^"']+)["']/gi)].map(match => match[1] ?? '')))
    say(`the id ${id} is there twice`)
  checkLinks(bare, page, root, say)
}

function checkLinks(html: string, page: string, root: string, say: (what: string) => void): void {
  for (const [, , target = ''] of html.matchAll(/\s(href|src)=["']([^"']*)["']/gi)) {
    if (target.startsWith('http://')) say(`${target.slice(0, 100)} is fetched without TLS`)
    if (/^javascript:/i.test(target)) say('a link runs a script')
    if (target === '' || target === '#') say('a link leads nowhere')
    const path = decoded(target.split(/[?#]/)[0] ?? '')
    if (path === '' || /^[a-z][a-z0-9+.-]*:|^\/\//i.test(target)) continue
    const file = path.startsWith('/') ? join(root, path) : join(dirname(page), path)
    if (![file, join(file, 'index.html')].some(existsSync)) say(`${target.slice(0, 100)} is not there`)
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const doubles = (values: readonly string[]) => new Set(values.filter((value, index) => values.indexOf(value) !== index))
