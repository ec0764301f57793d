// Says whether the live parts of this page are up to date, lets Enter send what is typed, and copies code.
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
    navigator.clipboard.writeText(button.parentElement.querySelector('pre').textContent).then(
      () => {
        button.textContent = 'Copied'
        setTimeout(() => {
          button.textContent = 'Copy'
        }, 1500)
      },
      () => {
        getSelection().selectAllChildren(button.parentElement.querySelector('pre'))
      },
    )
  })
})()
