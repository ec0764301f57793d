import { digests, edit, read, readPlain, readText, remove, write } from './files.ts'
import { list, search } from './find.ts'
import type { Answer, Operation } from './operation.ts'

/** Runs in the sandbox, as one process for each operation; it trusts its caller, and the sandbox trusts nobody. */
async function perform(operation: Operation): Promise<unknown> {
  switch (operation.op) {
    case 'read':
      return read(operation.path, operation.from, operation.lines)
    case 'bytes':
      return { data: readPlain(operation.path, 1024 * 1024, operation.offset, operation.length).bytes.toString('base64') }
    case 'list':
      return list(operation.path, operation.depth)
    case 'search':
      return search(operation)
    case 'edit':
      return edit(operation.path, operation.old, operation.new, operation.all)
    case 'write':
      return write(operation.path, operation.content)
    case 'delete':
      return remove(operation.path)
    case 'digests':
      return digests(operation.paths)
    case 'text':
      return { text: readText(operation.path) }
    case 'secrets':
      return (await import('./secrets.ts')).scanSecrets(operation.path)
    case 'html':
      return (await import('./html.ts')).checkHtml(operation.path)
    case 'available':
      return { names: (await import('./available.ts')).available(operation.path, operation.wanted) }
    case 'worktree':
      return (await import('./worktree.ts')).openWorktree(operation)
    case 'sql':
      return (await import('./data.ts')).sql(operation.path, operation.statement, operation.values, operation.most)
    case 'import':
      return (await import('./data.ts')).importRows(operation.path, operation.source, operation.table)
    case 'export':
      return (await import('./data.ts')).exportRows(operation.path, operation.query, operation.target, operation.format)
    case 'describe':
      return (await import('./data.ts')).describe(operation.path, operation.table, operation.source)
  }
}

function sentence(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const path = error instanceof Error && 'path' in error ? `${String(error.path)} ` : 'it '
  if (code === 'ENOENT') return `${path}does not exist, or is out of sight here`
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return `${path}is not yours to use like that`
  if (code === 'ENOTEMPTY') return `${path}is not empty: delete what is in it first`
  if (code === 'ENOTDIR') return `${path}leads through something that is no folder`
  if (code === 'ELOOP') return `${path}is a link that leads in a circle`
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return `${path}does not fit: there is no room, or it is too large`
  return error instanceof Error ? error.message : String(error)
}

/** Bytes; the sandbox cuts what is longer, and then nobody could read it. */
const longestAnswer = 190_000

function say(answer: Answer): void {
  const text = JSON.stringify(answer)
  const fits = Buffer.byteLength(text) <= longestAnswer
  process.stdout.write(fits ? text : JSON.stringify({ ok: false, message: 'that is too much at once: ask for a smaller part' }))
}

try {
  say({ ok: true, value: await perform(JSON.parse(await Bun.stdin.text())) })
} catch (error) {
  say({ ok: false, message: sentence(error) })
}
