/** One element of a page, as a browser would make it. */
export interface Tag {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
}

/** Every element of a page with its attributes, by an HTML parser. */
export async function tagsOf(html: string): Promise<readonly Tag[]> {
  const tags: Tag[] = []
  const rewriter = new HTMLRewriter().on('*', {
    element(element) {
      tags.push({ name: element.tagName, attributes: new Map(element.attributes) })
    },
  })
  await rewriter.transform(new Response(html)).text()
  return tags
}

/** What in a page could run, load or lead away, besides our own scripts, styles and streams. */
export async function dangersIn(html: string): Promise<readonly string[]> {
  const dangers: string[] = []
  for (const { name, attributes } of await tagsOf(html)) {
    const src = attributes.get('src') ?? ''
    if (name === 'script' && !/^\/assets\/[a-z-]+-[0-9a-f]{8}\.js$/.test(src)) dangers.push(`script ${src}`)
    if (['img', 'iframe', 'object', 'embed', 'base', 'style', 'template', 'video', 'audio', 'math'].includes(name))
      dangers.push(name)
    for (const [attribute, value] of attributes) {
      if (/^on/i.test(attribute)) dangers.push(`${name} ${attribute}`)
      if (attribute === 'style') dangers.push(`${name} style`)
      if (/^(?:href|src|action|formaction|hx-.*)$/.test(attribute) && /^\s*(?:javascript|data|vbscript):/i.test(value))
        dangers.push(`${name} ${attribute}=${value}`)
      if (/^hx-/.test(attribute) && !ours.has(attribute)) dangers.push(`${name} ${attribute}`)
      if (attribute === 'hx-on' || attribute === 'hx-vals') dangers.push(`${name} ${attribute}`)
    }
  }
  return dangers
}

const ours = new Set(['hx-sse:connect', 'hx-sse:close', 'hx-swap', 'hx-config', 'hx-post', 'hx-target'])
