import type { ModelCall, Script } from '../../agents/testing/model-server.ts'
import { call, say, together } from '../../agents/testing/steps.ts'

/** What is said, call by call, in the story of the bakery; every other part of it is real. */

const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>
<body><main><h1>Fresh bread, every morning</h1></main></body></html>
`

/** What qa finds, as code is told it. */
export const finding = 'index.html has no <title>: browsers and search engines show one. Add it to the head.'

const supervisor: Script = [
  together(
    say('I split this into three steps: ', '`code` builds the page, `qa` checks it, `infra` publishes it.'),
    call('task_submit', {
      tasks: [
        { name: 'build', agent: 'code', description: 'Build a landing page for a bakery in the project bakery: index.html.' },
        {
          name: 'check',
          agent: 'qa',
          description: 'Check index.html of the project bakery: it needs a title.',
          depends_on: ['build'],
          criteria: ['The page has a title.'],
        },
        { name: 'publish', agent: 'infra', description: 'Publish bakery on bakery.example.com.', depends_on: ['check'] },
      ],
    }),
  ),
  say('The work is under way. I will tell you when the site is there.'),
  say('Your bakery is **online**: [bakery.example.com](http://bakery.example.com/).'),
]

const code: Script = [
  call('project_open', { project: 'bakery' }),
  call('write', { path: 'bakery/index.html', content: page }),
  call('project_commit', { project: 'bakery', message: 'A landing page' }),
  call('project_submit', { project: 'bakery' }),
  say('The page stands in bakery/index.html.'),
  // Sent back by qa.
  call('project_open', { project: 'bakery' }),
  call('edit', { path: 'bakery/index.html', old: '<meta charset="utf-8">', new: '<meta charset="utf-8"><title>Bakery</title>' }),
  call('project_commit', { project: 'bakery', message: 'The page has a title' }),
  call('project_submit', { project: 'bakery' }),
  say('The page has a title now.'),
]

const check = () => together(call('html_check', { folder: 'bakery' }), call('secret_scan', { folder: 'bakery' }))

/** What the checks said; a script that sees something else has gone wrong. */
function expectSaid({ messages }: ModelCall, what: string): void {
  const said = messages.at(-1)?.content ?? ''
  if (!said.includes(what)) throw new Error(`qa saw: ${said}`)
}

const qa: Script = [
  call('project_open', { project: 'bakery' }),
  check(),
  (asked: ModelCall) => {
    expectSaid(asked, 'index.html: has no <title>')
    return call('task_rework', { task: 'build', finding })
  },
  say('Sent back: the title is missing.'),
  call('project_open', { project: 'bakery' }),
  check(),
  (asked: ModelCall) => {
    expectSaid(asked, '1 page, nothing found')
    return say('Passed: the page has a title; nothing else is wrong.')
  },
]

const infra: Script = [
  call('deploy_publish', { project: 'bakery', domain: 'bakery.example.com' }),
  (asked: ModelCall) => say(`Published. The server says: ${(asked.messages.at(-1)?.content ?? '').slice(0, 400)}`),
]

export const bakeryStory: Readonly<Record<string, Script>> = { supervisor, code, qa, infra }
