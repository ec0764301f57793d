/**
 * What a host that no site declares answers, on one line of nginx: without a single quote, a dollar or a backslash, and
 * below the 4,096 bytes that one parameter may have. It names nothing of what runs here, and loads nothing.
 */
export const unknownPage = [
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
  '<meta name="robots" content="noindex"><title>No site here</title><style>',
  ':root{color-scheme:light dark;--ink:#17201b;--quiet:#5c6b62;--paper:#f6f7f2}',
  '@media(prefers-color-scheme:dark){:root{--ink:#e9efe9;--quiet:#9aaba0;--paper:#101512}}',
  'body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);color:var(--ink);font:1.0625rem/1.6 system-ui,sans-serif}',
  'main{max-width:30rem;padding:1.5rem}h1{margin:0 0 .5rem;font-size:clamp(1.5rem,6vw,2.25rem);line-height:1.15;letter-spacing:-.02em}',
  'p{margin:0;color:var(--quiet)}</style></head><body><main><h1>There is no site at this address</h1>',
  '<p>Check how the address is spelled. If it is yours, it may not be set up yet.</p></main></body></html>',
].join('')
