import type { Token, TokensList } from 'marked'
import type { IOptions } from 'sanitize-html'

/** Renders the Markdown of agents as blocks of harmless HTML, one for each paragraph, list, table, piece of code. */
export type Markdown = (text: string) => readonly string[]

/** The longest text that is rendered; what is longer is shown as it was written. */
const longest = 200_000
const mostKept = 2_000
/** Texts that grow at the same time, and are not rendered from their beginning each time. */
const mostGrowing = 32

let loading: Promise<Markdown> | undefined

/** The renderer, loaded when the first page needs it: it takes more memory than the rest of the portal. */
export function loadMarkdown(): Promise<Markdown> {
  loading ??= createMarkdown()
  return loading
}

export async function createMarkdown(): Promise<Markdown> {
  const [{ Marked }, { default: sanitize }] = await Promise.all([import('marked'), import('sanitize-html')])
  const marked = new Marked({
    gfm: true,
    renderer: {
      // HTML in a message is text about HTML.
      html: ({ text }) => escaped(text),
      image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
      checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    },
  })
  const kept = new Map<string, string>()
  const blockOf = (raw: string, html: () => string): string => {
    const known = kept.get(raw)
    if (known !== undefined) return known
    const block = framed(sanitize(html(), harmless))
    if (kept.size >= mostKept) kept.clear()
    kept.set(raw, block)
    return block
  }
  const blocksOf = (tokens: TokensList): readonly string[] => {
    // A reference may be defined anywhere, so what is kept for a block holds for these definitions only.
    const definitions = JSON.stringify(tokens.links)
    return tokens.filter(isBlock).map(token => blockOf(`${definitions}${token.type} ${token.raw}`, () => marked.parser([token])))
  }
  let growing: readonly Beginning[] = []
  return text => {
    if (text.length > longest) return [`<pre>${escaped(text)}</pre>`]
    const known = growing.find(each => text.startsWith(each.text))
    const rest = marked.lexer(known === undefined ? text : text.slice(known.text.length))
    const defines = Object.keys(rest.links).length > 0
    if (known !== undefined && defines) return blocksOf(marked.lexer(text))
    const blocks = [...(known?.blocks ?? []), ...blocksOf(rest)]
    const next = defines ? undefined : beginningOf(text, rest, blocks)
    if (next !== undefined) growing = [next, ...growing.filter(each => each !== known)].slice(0, mostGrowing)
    return blocks
  }
}

/** The beginning of a text that no more text can change: all but its last block, with what it became. */
interface Beginning {
  readonly text: string
  readonly blocks: readonly string[]
}

const isBlock = ({ type }: Token): boolean => type !== 'space' && type !== 'def'

/** `rest` are the tokens of the end of the text; undefined where it is not certain which part of it each one is. */
function beginningOf(text: string, rest: TokensList, blocks: readonly string[]): Beginning | undefined {
  const last = rest.findLastIndex(isBlock)
  const open = rest.slice(last).reduce((length, { raw }) => length + raw.length, 0)
  const whole = rest.reduce((all, { raw }) => all + raw, '')
  if (last < 0 || open === text.length || !text.endsWith(whole)) return undefined
  return { text: text.slice(0, text.length - open), blocks: blocks.slice(0, -1) }
}

const escaped = (text: string): string => Bun.escapeHTML(text)

const harmless: IOptions = {
  allowedTags: [
    ...['p', 'br', 'hr', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'pre', 'code', 'em', 'strong', 'del', 'a'],
    ...['ul', 'ol', 'li', 'table', 'thead', 'tbody', 'tr', 'th', 'td'],
  ],
  allowedAttributes: { a: ['href', 'title', 'rel', 'target'], ol: ['start'], th: ['align'], td: ['align'], code: ['class'] },
  allowedClasses: { code: ['language-*'] },
  allowedSchemes: ['http', 'https', 'mailto'],
  allowProtocolRelative: false,
  disallowedTagsMode: 'escape',
  transformTags: {
    // The page has its own first and second headings.
    h1: 'h3',
    h2: 'h4',
    a: (tagName, attribs) => ({ tagName, attribs: { ...attribs, rel: 'noopener noreferrer nofollow', target: '_blank' } }),
  },
}

const codeHead = (language: string): string =>
  `<div class="code"><p><span>${language}</span> <button type="button" class="quiet" data-copy>Copy</button></p>`

/** Sanitised text holds `<pre` and `<table` only as elements. The button shows itself where scripts run. */
const framed = (html: string): string =>
  html
    .replace(/<pre>(?=<code class="language-([^"\s]+)">)/g, (_, language: string) => `${codeHead(language)}<pre tabindex="0">`)
    .replace(/<pre(?=>)/g, `${codeHead('')}<pre tabindex="0"`)
    .replaceAll('</pre>', '</pre></div>')
    .replace(/<table(?=[ >])/g, '<div class="broad" tabindex="0"><table')
    .replaceAll('</table>', '</table></div>')
