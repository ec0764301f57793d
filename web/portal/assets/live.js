// Says whether the live parts of this page are up to date, and lets Enter send what is typed to an agent.
;(() => {
  const say = state => document.documentElement.setAttribute('data-live', state)
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
})()
