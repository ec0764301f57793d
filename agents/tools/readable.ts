/** What a page says, as text that a model reads well, and where its links lead. */
export interface Readable {
  readonly title: string
  readonly text: string
}

/** Elements of a page that are looked at; more is no page to be read. */
const mostElements = 30_000
const longestText = 80_000

/** The part of a DOM that is needed here; linkedom's own types want a browser's library. */
interface Node {
  readonly nodeType: number
  readonly nodeName: string
  readonly textContent: string | null
  readonly childNodes: Iterable<Node>
  getAttribute?(name: string): string | null
}

/** The article of an HTML page without what surrounds it; of a page that is none, everything. Scripts are never run. */
export async function readableText(html: string, url: string): Promise<Readable> {
  const [{ parseHTML }, { Readability }] = await Promise.all([import('linkedom'), import('@mozilla/readability')])
  // What has no body of its own would be a document without one.
  const { document } = parseHTML(/<body[\s>]/i.test(html) ? html : `<html><body>${html}</body></html>`)
  const title = String(document.querySelector('title')?.textContent ?? '').trim()
  const whole = textOf(document.body ?? document.documentElement, url)
  const found = articleOf(() => new Readability(document, { maxElemsToParse: mostElements, charThreshold: 200 }).parse())
  if (found === undefined || found.length < whole.length / 20) return { title, text: cutText(whole) }
  return { title, text: cutText(textOf(parseHTML(`<html><body>${found}</body></html>`).document.body, url)) }
}

function articleOf(parse: () => { readonly content?: string | null | undefined } | null): string | undefined {
  try {
    return parse()?.content ?? undefined
  } catch {
    return undefined
  }
}

export const cutText = (text: string) =>
  text.length > longestText ? `${text.slice(0, longestText)}\n… cut at ${longestText} characters` : text

const silent = new Set(['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'SVG', 'IFRAME', 'HEAD', 'TITLE'])
const blocks = new Set(
  'P DIV SECTION ARTICLE UL OL LI TABLE TR BLOCKQUOTE PRE H1 H2 H3 H4 H5 H6 HEADER FOOTER MAIN NAV DL DT DD FIGURE'.split(' '),
)

function textOf(root: Node | null | undefined, base: string): string {
  if (root === null || root === undefined) return ''
  const parts: string[] = []
  walk(root, base, parts)
  return parts
    .join('')
    .replace(/[ \t]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

function walk(node: Node, base: string, parts: string[]): void {
  if (node.nodeType === 3) {
    parts.push((node.textContent ?? '').replace(/\s+/g, ' '))
    return
  }
  const name = node.nodeName.toUpperCase()
  if ((node.nodeType !== 1 && node.nodeType !== 9) || silent.has(name)) return
  if (name === 'BR') parts.push('\n')
  if (blocks.has(name)) parts.push('\n\n'.slice(name === 'LI' || name === 'TR' ? 1 : 0))
  if (name === 'LI') parts.push('- ')
  if (/^H[1-6]$/.test(name)) parts.push(`${'#'.repeat(Number(name[1]))} `)
  const before = parts.length
  for (const child of node.childNodes) walk(child, base, parts)
  if (name === 'A') parts.push(linkOf(node, parts.slice(before).join('').trim(), base))
  if (name === 'TD' || name === 'TH') parts.push(' | ')
  if (blocks.has(name)) parts.push('\n')
}

function linkOf(node: Node, label: string, base: string): string {
  const url = URL.parse(node.getAttribute?.('href') ?? '', base)
  if (url === null || label === '' || !/^https?:$/.test(url.protocol) || url.href === label) return ''
  return ` (${url.href.slice(0, 300)})`
}
