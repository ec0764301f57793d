import { dirname } from 'node:path'
import { z } from 'zod'
import type { Block } from '../../runtime/bus/work.ts'
import { failed, short, tool } from './define.ts'
import type { ListAnswer, ReadAnswer, SearchAnswer } from './inside/operation.ts'
import { inside } from './inside.ts'
import { resolvePath, shownPath } from './paths.ts'
import type { Tool, ToolContext, ToolResult } from './tool.ts'

const path = z.string().min(1).max(4_000).describe('Path; relative ones lead from your folder of this work.')
const mostLines = 2_000
const largestImage = 3_700_000
/** What comes back from the sandbox is bounded; base64 makes a third more of it. */
const piece = 120_000

const reading = (target: string, context: ToolContext) => [{ kind: 'read' as const, path: resolvePath(target, context) }]
const writing = (target: string, context: ToolContext) => [{ kind: 'write' as const, path: resolvePath(target, context) }]

const read = tool({
  name: 'read',
  description:
    'Reads a file. Text comes with line numbers and a tab before each line, which are not part of the file; images come as images. Without a range it gives the first 2000 lines; for longer files ask for the range that you need.',
  input: z.strictObject({
    path,
    from: z.int().min(1).optional().describe('First line, counted from 1.'),
    to: z.int().min(1).optional().describe('Last line.'),
  }),
  title: input => `read ${short(input.path)}${input.from === undefined ? '' : `:${input.from}`}`,
  needs: (input, context) => reading(input.path, context),
  async execute({ path, from = 1, to }, context) {
    const file = resolvePath(path, context)
    const lines = Math.min(to === undefined ? mostLines : Math.max(to - from + 1, 1), mostLines)
    const found = await inside<ReadAnswer>(context, { op: 'read', path: file, from, lines })
    if (found.kind === 'image') return image(context, file, found)
    if (found.kind === 'binary') return failed(`${path} is no text: ${found.size} bytes`)
    if (found.total === 0) return { content: '(the file is empty)' }
    if (found.to < found.from) return failed(`${path} has ${found.total} lines`)
    const rest =
      found.to < found.total ? `\n… lines ${found.from} to ${found.to} of ${found.total}; read on with from: ${found.to + 1}` : ''
    return { content: `${found.text}${rest}`, summary: `${found.to - found.from + 1} of ${found.total} lines` }
  },
})

async function image(context: ToolContext, path: string, { size, mediaType }: ReadAnswer): Promise<ToolResult> {
  if (size > largestImage) return failed(`the image has ${size} bytes; ${largestImage} can be looked at`)
  const parts: Buffer[] = []
  for (let offset = 0; offset < size; offset += piece) {
    const { data } = await inside<{ data: string }>(context, { op: 'bytes', path, offset, length: piece })
    parts.push(Buffer.from(data, 'base64'))
  }
  const source = { type: 'base64', media_type: mediaType, data: Buffer.concat(parts).toString('base64') }
  const blocks: Block[] = [{ type: 'image', source }]
  return { content: blocks, summary: `an image of ${size} bytes` }
}

const list = tool({
  name: 'list',
  description:
    'Lists a folder, down to a depth. Folders end with /. The insides of .git, node_modules and the like are left out.',
  input: z.strictObject({
    path: path.optional(),
    depth: z.int().min(1).max(6).optional().describe('Levels of folders; default 2.'),
  }),
  title: input => `list ${short(input.path ?? '.')}`,
  needs: (input, context) => reading(input.path ?? '.', context),
  async execute({ path = '.', depth = 2 }, context) {
    const { entries, more } = await inside<ListAnswer>(context, { op: 'list', path: resolvePath(path, context), depth })
    if (entries.length === 0) return { content: '(the folder is empty)' }
    const lines = entries.map(({ path, type, size }) => {
      if (type === 'folder') return `${path}/`
      return type === 'file' ? `${path}  ${size}` : `${path}  (${type})`
    })
    return {
      content: [...lines, ...(more ? ['… and more: list a folder below'] : [])].join('\n'),
      summary: `${entries.length} entries`,
    }
  },
})

const search = tool({
  name: 'search',
  description:
    'Searches the text of files with a regular expression and gives path:line: text. Hidden files are searched, .git and what .gitignore names are not.',
  input: z.strictObject({
    pattern: z.string().min(1).max(1_000).describe('Regular expression.'),
    path: path.optional().describe('File or folder; default: your folder of this work.'),
    glob: z.string().max(200).optional().describe('Only files of this name, like *.ts.'),
    ignore_case: z.boolean().optional(),
  }),
  title: input => `search for ${short(input.pattern, 50)}`,
  needs: (input, context) => reading(input.path ?? '.', context),
  async execute({ pattern, path = '.', glob, ignore_case = false }, context) {
    const { hits, more } = await inside<SearchAnswer>(context, {
      ...{ op: 'search', path: resolvePath(path, context), pattern, glob },
      ...{ ignoreCase: ignore_case, most: 200 },
    })
    if (hits.length === 0) return { content: 'nothing found', summary: 'nothing found' }
    const lines = hits.map(hit => `${shownPath(hit.path, context)}:${hit.line}: ${hit.text}`)
    return {
      content: [...lines, ...(more ? ['… and more: search for something narrower'] : [])].join('\n'),
      summary: `${hits.length}${more ? ' or more' : ''} lines`,
    }
  },
})

const edit = tool({
  name: 'edit',
  description:
    'Replaces text in a file. `old` must match the file exactly, with every space and line break and without line numbers, and must be there once; give lines around it to make it unique, or say all: true to replace every occurrence.',
  input: z.strictObject({
    path,
    old: z.string().min(1).max(200_000).describe('The text as it stands in the file.'),
    new: z.string().max(200_000).describe('What stands there afterwards.'),
    all: z.boolean().optional().describe('Replace every occurrence; default false.'),
  }),
  title: input => `edit ${short(input.path)}`,
  needs: (input, context) => writing(input.path, context),
  async execute(input, context) {
    const file = resolvePath(input.path, context)
    const { replaced, line } = await inside<{ replaced: number; line: number }>(context, {
      ...{ op: 'edit', path: file, old: input.old, new: input.new, all: input.all ?? false },
    })
    return { content: replaced === 1 ? `replaced at line ${line}` : `replaced ${replaced} times, first at line ${line}` }
  },
})

const write = tool({
  name: 'write',
  description: 'Writes a whole file, new or in place of what was there; folders on the way are made. To change a part, use edit.',
  input: z.strictObject({ path, content: z.string().max(5_000_000) }),
  title: input => `write ${short(input.path)}`,
  needs: (input, context) => writing(input.path, context),
  async execute({ path, content }, context) {
    const file = resolvePath(path, context)
    const { created, bytes } = await inside<{ created: boolean; bytes: number }>(context, { op: 'write', path: file, content })
    return { content: `${created ? 'created' : 'replaced'} ${shownPath(file, context)}, ${bytes} bytes` }
  },
})

const remove = tool({
  name: 'delete',
  description: 'Deletes a file, or a folder that is empty. A link is deleted itself, not what it leads to.',
  input: z.strictObject({ path }),
  title: input => `delete ${short(input.path)}`,
  needs: (input, context) => writing(input.path, context),
  async execute({ path }, context) {
    const file = resolvePath(path, context)
    await inside(context, { op: 'delete', path: file })
    return { content: `deleted ${shownPath(file, context)}` }
  },
})

const patch = tool({
  name: 'patch',
  description:
    'Applies a unified diff (as of git diff) to files below a folder, all of it or none. For several changes at once; the context lines must match.',
  input: z.strictObject({
    diff: z.string().min(1).max(1_000_000),
    folder: path.optional().describe('Folder that its paths lead from; default: your folder of this work.'),
  }),
  title: input => `patch ${short(filesOf(input.diff).join(', ') || 'files')}`,
  needs: (input, context) => writing(input.folder ?? '.', context),
  async execute({ diff, folder = '.' }, context) {
    const cwd = resolvePath(folder, context)
    const strip = /^(?:---|\+\+\+) [ab]\//m.test(diff) ? '-p1' : '-p0'
    const stdin = diff.endsWith('\n') ? diff : `${diff}\n`
    const apply = (...more: string[]) =>
      context.run({
        argv: ['env', `GIT_CEILING_DIRECTORIES=${dirname(cwd)}`, 'git', 'apply', '--whitespace=nowarn', strip, ...more, '-'],
        cwd,
        stdin,
      })
    const first = await apply()
    // The numbers of lines in a hunk's head are what models get wrong; the lines themselves still have to match.
    const { code, stderr, notes } = first.code === 0 ? first : await apply('--recount')
    if (code !== 0) return failed(`not applied, nothing was changed: ${[stderr.trim(), ...notes].filter(Boolean).join('; ')}`)
    return { content: `applied to ${filesOf(diff).join(', ')}` }
  },
})

const filesOf = (diff: string): string[] => {
  const names = [...diff.matchAll(/^\+\+\+ (?:b\/)?([^\t\n]+)/gm)].map(match => match[1] ?? '')
  return [...new Set(names)].filter(name => name !== '/dev/null')
}

export const readingTools: readonly Tool[] = [read, list, search]
export const writingTools: readonly Tool[] = [edit, write, patch, remove]
