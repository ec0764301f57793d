import { beforeEach, expect, test } from 'bun:test'
import { firstOf } from '../testing/fake-agents.ts'
import { house } from '../testing/house.ts'
import { playScene } from '../testing/scene.ts'
import { playWork } from '../testing/work-scene.ts'

// Names that tests of the whole product rely on: the text field "Message"; the buttons "Send", "Stop", "Retry", "Approve",
// "Deny", "Cancel this work", "Rate 7 of 10"; the file field "Attach files"; the regions "Conversation" (with #turns for
// what is said and #asks for what waits for a person) and "Work" (#work). On a task's page "Cancel" and "Retry".

let home: ReturnType<typeof house>
let thread: string

beforeEach(async () => {
  home = house()
  playScene(home.engine, home.agents, home.repository)
  thread = await playWork(home.agents, home.tasks, home.approvals, home.health)
})

const html = async (path: string) => (await home.get(path)).text()
const last = () => home.agents.asked.at(-1)

const upload = (path: string, text: string, ...files: readonly File[]) => {
  const form = new FormData()
  form.set('text', text)
  for (const file of files) form.append('files', file)
  return home.door.enter(new Request(`http://localhost${path}`, { method: 'POST', body: form }), {
    identity: { kind: 'person', id: '1', name: 'Ada', email: 'ada@example.com', sessionToken: 'token' },
    address: '127.0.0.1',
    keepOpen: () => {},
  })
}

test('the chat opens where something was said last, and shows words, steps, tables and code', async () => {
  const opened = await home.get('/chat')
  expect(opened.headers.get('location')).toBe(`/chat/${thread}`)
  const page = await html(`/chat/${thread}`)
  expect(page).toContain('put it on bakery.example.com</p>')
  expect(page).toContain('<code>task_submit</code> 3 tasks')
  expect(page).toContain('<td>opening hours</td>')
  expect(page).toContain('data-copy')
  expect(page).toContain('2 of 3 done')
  expect(page).toContain('waits for a person: publish bakery on bakery.example.com')
})

test('without a conversation it begins one, with examples to take', async () => {
  home = house()
  expect((await home.get('/chat')).headers.get('location')).toBe('/chat/new')
  expect(await html('/chat/new')).toContain('Build a landing page for my bakery, check it')
  expect(await html('/chat/new?text=a%3Cb')).toContain('>a&lt;b</textarea>')
  const begun = await home.post('/chat/begin', { text: 'Set up a blog\nwith comments' })
  const to = begun.headers.get('location') ?? ''
  expect(begun.status).toBe(303)
  expect(await html(to)).toContain('<h1>Set up a blog</h1>')
  expect(last()).toBe('say supervisor by Ada Lovelace: Set up a blog\nwith comments')
})

test('a supervisor that cannot answer says why, and what to do', async () => {
  const message = 'cannot answer yet: set ANTHROPIC_API_KEY in the environment of the appliance, then restart it'
  home.engine.put({ kind: 'agent', key: 'supervisor', state: 'ready', reason: '', message, revision: '', since: '' })
  for (const path of ['/chat/new', `/chat/${thread}`]) expect(await html(path)).toContain(`The supervisor ${message}`)
})

test('what cannot be sent comes back as it was typed, with the reason', async () => {
  const long = 'x'.repeat(50_001)
  const refused = await home.post(`/chat/${thread}/say`, { text: long })
  expect(refused.status).toBe(422)
  const page = await refused.text()
  expect(page).toContain(long)
  expect(page).toContain('A message has at most 50,000 characters; this one has 50001.')
  const fragment = await home.post(`/chat/${thread}/say`, { text: '' }, { 'hx-request': 'true' })
  expect(await fragment.text()).toStartWith('<form id="say"')
  const program = new File([new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0])], 'a.png')
  const kept = await upload(`/chat/${thread}/say`, 'look at this', program)
  expect(await kept.text()).toContain('look at this</textarea>')
  expect(home.agents.asked.filter(each => each.startsWith('say'))).toEqual([])
})

test('files go with the message and are listed with name and size', async () => {
  const sent = await upload(`/chat/${thread}/say`, '', new File(['%PDF-1.7\n%'], 'menu.pdf'), new File(['# hi'], 'notes.md'))
  expect(sent.status).toBe(303)
  expect(last()).toBe('say supervisor by Ada:  +document +document')
  const page = await html(`/chat/${thread}`)
  expect(page).toContain('menu.pdf <small>PDF, 10 B</small>')
  expect(page).toContain('notes.md <small>text, 4 B</small>')
})

test('more files than a message may have are refused', async () => {
  const files = Array.from({ length: 9 }, (_, at) => new File(['x'], `${at}.txt`))
  expect(await (await upload(`/chat/${thread}/say`, 'x', ...files)).text()).toContain('At most 8 files go with one message.')
  const big = [0, 1].map(at => new File([new Uint8Array(6_000_000).fill(97)], `${at}.txt`))
  expect(await (await upload(`/chat/${thread}/say`, 'x', ...big)).text()).toContain('may have 10 MB together')
})

test('a conversation is renamed, archived and put back', async () => {
  await home.post(`/chat/${thread}/rename`, { title: 'The bakery' })
  expect(await html(`/chat/${thread}`)).toContain('<h1>The bakery</h1>')
  expect((await home.post(`/chat/${thread}/rename`, { title: '' })).status).toBe(422)
  await home.post(`/chat/${thread}/archive`, { archived: 'yes' })
  expect((await home.get('/chat')).headers.get('location')).not.toBe(`/chat/${thread}`)
  expect(await html('/chat/new')).toContain('1 archived')
  await home.post(`/chat/${thread}/archive`, { archived: 'no' })
  expect(await html('/chat/new')).not.toContain('archived</summary>')
})

test('an answer under way is stopped, one that failed is asked again, and only in its own conversation', async () => {
  const said = { agent: 'supervisor', thread, by: 'Ada', at: new Date().toISOString() } as const
  home.agents.utter({ ...said, id: 'q', role: 'person', text: 'go', state: 'answering' })
  home.agents.utter({ ...said, id: 'a', role: 'agent', by: 'supervisor', text: 'I', state: 'answering', answers: 'q' })
  expect(await html(`/chat/${thread}`)).toContain('>Stop</button>')
  await home.post(`/chat/${thread}/stop`, { work: 'elsewhere' })
  expect(last()).toBeUndefined()
  await home.post(`/chat/${thread}/stop`, { work: 'q' })
  expect(last()).toBe('stop q by person ada@example.com')
  home.agents.utter({ ...said, id: 'q', role: 'person', text: 'go', state: 'failed' })
  home.agents.utter({ ...said, id: 'a', role: 'agent', by: 'supervisor', text: 'I', state: 'failed', answers: 'q' })
  expect(await html(`/chat/${thread}`)).toContain('>Retry</button>')
  await home.post(`/chat/${thread}/retry`, { work: 'q' })
  expect(last()).toBe('ask again q')
})

test('the work of a conversation is cancelled as a whole', async () => {
  await home.post(`/chat/${thread}/cancel`, {})
  expect(home.tasks.asked).toEqual(['cancel t3 by person ada@example.com'])
  expect(await html(`/chat/${thread}`)).not.toContain('Cancel this work')
})

test('an answer is rated from 1 to 10, and again', async () => {
  const path = `/chat/${thread}/rate/w2`
  expect((await home.post(path, { rating: '11' })).status).toBe(422)
  expect((await home.post(`/chat/${thread}/rate/w1`, { rating: '7' })).status).toBe(404)
  await home.post(path, { rating: '7' })
  expect(await html(`/chat/${thread}`)).toContain('Rated 7 of 10')
  const again = await home.post(path, { rating: '9' }, { 'hx-request': 'true' })
  expect(await again.text()).toContain('Rated 9 of 10')
})

test('what an agent asks stands in the chat whole, and is decided there', async () => {
  const page = await html(`/chat/${thread}`)
  expect(page).toContain('publish bakery on bakery.example.com</h3>')
  expect(page).toContain('&quot;domain&quot;: &quot;bakery.example.com&quot;')
  const digest = '5f'.repeat(32)
  const approved = await home.post('/approvals/a1/approve', { digest, back: `/chat/${thread}` })
  expect(approved.headers.get('location')).toBe(`/chat/${thread}?done=allowed`)
  expect(home.approvals.decisions).toEqual(['approved a1 by person ada@example.com'])
})

test('nobody reads a conversation by guessing: other agents and unknown ids are not there', async () => {
  await home.agents.say('code', 'x', 'Ada')
  for (const id of [firstOf('code'), crypto.randomUUID(), 'x', '%00']) {
    expect((await home.get(`/chat/${id}`)).status).toBe(404)
    expect((await home.get(`/live/chat/${id}`)).status).toBe(404)
    expect((await home.post(`/chat/${id}/say`, { text: 'x' })).status).toBe(404)
  }
})

test('a long conversation shows its end, and leads to what was before', async () => {
  for (let at = 0; at < 70; at++) {
    home.agents.utter({
      id: `m${at}`,
      agent: 'supervisor',
      thread,
      role: 'person',
      by: 'Ada',
      text: `word ${at}.`,
      state: 'done',
      at: '',
    })
  }
  const page = await html(`/chat/${thread}`)
  expect(page).not.toContain('word 5.')
  expect(page).toContain(`/chat/${thread}?show=240`)
  expect(await html(`/chat/${thread}?show=240`)).toContain('word 5.')
})

test('conversations are searched by what was said in them and by their names', async () => {
  const found = await html('/chat?words=OPENING+hours')
  expect(found).toContain(`<a href="/chat/${thread}">Build a landing page for my bakery</a>`)
  expect(found).not.toContain('Which sites does this server serve?')
  expect(await html('/chat?words=which+sites')).toContain('1 with these words.')
  expect(await html('/chat?words=nowhere')).toContain('None has these words.')
})

test('a conversation is deleted once nobody works for it, with all that was said', async () => {
  const busy = await home.post(`/chat/${thread}/delete`, {})
  expect(busy.status).toBe(422)
  expect(await busy.text()).toContain('somebody still works for this conversation')
  await home.post(`/chat/${thread}/cancel`, {})
  const deleted = await home.post(`/chat/${thread}/delete`, {})
  expect(deleted.headers.get('location')).toBe('/chat/new?done=chat-deleted')
  expect(await html('/chat/new?done=chat-deleted')).toContain('The conversation is deleted.')
  expect((await home.get(`/chat/${thread}`)).status).toBe(404)
})

test('the conversation of the window, in which nobody said anything, is in no list', async () => {
  home = house()
  await home.agents.conversation('supervisor', 1)
  expect((await home.get('/chat')).headers.get('location')).toBe('/chat/new')
})

test('an answer under way is told to who listens to the page when it is whole', async () => {
  const answer = { id: 'w9', agent: 'supervisor', thread, role: 'agent', by: 'supervisor', text: 'so far', at: '' } as const
  home.agents.utter({ ...answer, state: 'answering' })
  expect(await html(`/chat/${thread}`)).toMatch(/data-state="answering" aria-busy="true"/)
  home.agents.utter({ ...answer, state: 'done' })
  expect(await html(`/chat/${thread}`)).not.toContain('aria-busy="true"')
})

test('a command that hides something stands in the chat with what is invisible in it', async () => {
  home.agents.step('supervisor', { work: 'w1', call: 'c9', title: 'curl example.com/\u202egnp.exe\u200b', state: 'done' })
  expect(await html(`/chat/${thread}`)).toContain('curl example.com/\\u{202e}gnp.exe\\u{200b}')
})

test('a piece of a long answer sends its last paragraph only, however much was said before', async () => {
  const said = { agent: 'supervisor', thread, at: new Date().toISOString(), state: 'answering' } as const
  const long = Array.from({ length: 200 }, (_, at) => `Paragraph ${at}, which is as long as paragraphs are, with **bold** words.`)
  home.agents.utter({ ...said, id: 'q', role: 'person', by: 'Ada', text: 'go' })
  home.agents.utter({ ...said, id: 'a', role: 'agent', by: 'supervisor', text: `${long.join('\n\n')}\n\nThe`, answers: 'q' })
  const stream = (await home.get(`/live/chat/${thread}`)).body?.pipeThrough(new TextDecoderStream()).getReader()
  const until = async (words: string) => {
    let text = ''
    while (!text.includes(words)) text += (await stream?.read())?.value ?? ''
    return text
  }
  expect(await until('<p>The</p>')).toContain('Paragraph 7,')
  home.agents.delta('supervisor', 'a', ' end.')
  const update = await until('<p>The end.</p>')
  expect(update).not.toContain('Paragraph')
  expect(update.length).toBeLessThan(1_000)
  await stream?.cancel()
})
