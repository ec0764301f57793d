// Says whether the live parts of this page are up to date, lets Enter send what is typed, copies code, takes files
// that are pasted or dropped, and keeps the end of a conversation in sight for whoever is there.
;(() => {
  const root = document.documentElement
  root.setAttribute('data-scripts', '')
  const say = state => root.setAttribute('data-live', state)
  const on = (name, state) => document.addEventListener(name, () => say(state))
  on('htmx:sse:after:connection', 'on')
  on('htmx:sse:error', 'off')
  on('htmx:sse:close', 'off')
  document.addEventListener('htmx:sse:before:connection', event => {
    if (event.detail.connection.attempt > 0) say('off')
  })
  addEventListener('offline', () => say('off'))
  document.addEventListener('keydown', event => {
    const box = event.target
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && box.matches?.('textarea[data-enter-sends]')) {
      event.preventDefault()
      box.form.requestSubmit()
    }
  })
  document.addEventListener('click', event => {
    const button = event.target.closest?.('[data-copy]')
    if (button === null || button === undefined) return
    const code = button.closest('.code').querySelector('pre')
    navigator.clipboard.writeText(code.textContent).then(
      () => {
        button.textContent = 'Copied'
        setTimeout(() => {
          button.textContent = 'Copy'
        }, 1500)
      },
      () => {
        getSelection().selectAllChildren(code)
      },
    )
  })

  const names = input => [...input.files].map(file => file.name).join(', ')
  document.addEventListener('change', event => {
    const input = event.target
    const picked = input.closest?.('.attach')?.querySelector('[data-picked]')
    if (!picked) return
    const tooMuch = [...input.files].reduce((sum, file) => sum + file.size, 0) > Number(input.dataset.most)
    picked.value = tooMuch ? `Too large to send: ${names(input)}` : names(input)
    picked.toggleAttribute('data-refused', tooMuch)
    if (tooMuch) input.value = ''
  })
  const take = (event, files) => {
    const input = event.target.closest?.('.composer')?.querySelector('[type=file]')
    if (!input || !files?.length) return
    event.preventDefault()
    const all = new DataTransfer()
    for (const file of [...input.files, ...files]) all.items.add(file)
    input.files = all.files
    input.dispatchEvent(new Event('change', { bubbles: true }))
  }
  document.addEventListener('paste', event => take(event, event.clipboardData?.files))
  document.addEventListener('drop', event => take(event, event.dataTransfer?.files))
  document.addEventListener('dragover', event => {
    if (event.dataTransfer?.types.includes('Files') && event.target.closest?.('.composer')) event.preventDefault()
  })

  // A graph that is broader than the page begins where something happens.
  for (const graph of document.querySelectorAll('.graph')) {
    const node = graph.querySelector('[aria-current] .node') ?? graph.querySelector('.node:is(.s-held, .s-reconciling)')
    if (node === null) continue
    const { left, width } = graph.getBoundingClientRect()
    graph.scrollLeft = node.getBoundingClientRect().left - left - width / 2
  }

  const flow = document.querySelector('.chat .flow')
  if (flow === null) return
  const talk = flow.parentElement
  const column = talk.parentElement
  // On a phone the page scrolls, elsewhere only what was said.
  const paged = () => getComputedStyle(talk).overflowY === 'visible'
  const away = () => (paged() ? column.getBoundingClientRect().bottom - innerHeight : -talk.scrollTop)
  let following = ['', '#say', '#answering'].includes(location.hash)
  const jump = () => {
    if (paged()) scrollBy({ top: away(), behavior: 'instant' })
    else talk.scrollTop = 0
    look()
  }
  const look = () => {
    following = away() < 80
    root.toggleAttribute('data-away', !following)
  }
  addEventListener('scroll', look, { passive: true, capture: true })
  new ResizeObserver(() => (following ? jump() : look())).observe(flow)
  column.addEventListener('submit', event => {
    if (event.target.id === 'say') following = true
  })
  column.addEventListener('click', event => {
    if (!event.target.closest?.('.latest')) return
    event.preventDefault()
    jump()
  })
})()
