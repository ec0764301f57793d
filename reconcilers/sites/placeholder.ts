/** By this a page is known as ours, which may be replaced without asking. */
export const placeholderMark = '<meta name="generator" content="ai-infrastructure placeholder">'

/** First page of a new web root. Plain HTML: it has to look right without any other file. */
export function placeholderPage(host: string, folder: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${placeholderMark}
<meta name="robots" content="noindex">
<title>${escaped(host)}</title>
<style>
  :root { color-scheme: light dark; --ink: #17201b; --quiet: #5c6b62; --paper: #f6f7f2; --card: #fff; --line: #dfe4da; --leaf: #1f7a4d }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e9efe9; --quiet: #9aaba0; --paper: #101512; --card: #171e1a; --line: #2a352e; --leaf: #6fd3a0 }
  }
  * { box-sizing: border-box }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
    background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif }
  main { width: 100%; max-width: 34rem; padding: clamp(1.5rem, 6vw, 3rem); background: var(--card);
    border: 1px solid var(--line); border-radius: 1rem }
  p { margin: 0 0 1rem } p:last-child { margin-bottom: 0 }
  .state { display: flex; gap: .6rem; align-items: center; color: var(--leaf); font-size: .9375rem; font-weight: 600 }
  .state::before { content: ""; width: .625rem; height: .625rem; border-radius: 50%; background: currentColor }
  h1 { margin: 0 0 1rem; font-size: clamp(1.5rem, 6vw, 2.25rem); line-height: 1.15; letter-spacing: -.02em; overflow-wrap: anywhere }
  code { display: block; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--paper);
    font: .9375rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
  .quiet { color: var(--quiet); font-size: .9375rem }
</style>
</head>
<body>
<main>
  <p class="state">This site is up</p>
  <h1>${escaped(host)}</h1>
  <p>It has no pages of its own yet. Put them into this folder on the server, and they are live at once:</p>
  <p><code>${escaped(folder)}</code></p>
  <p class="quiet">Start with an <strong>index.html</strong>: it takes the place of this page.</p>
</main>
</body>
</html>
`
}

const escaped = (text: string) => text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
