/** @jsxImportSource hono/jsx */
import { stretches } from './ansi.ts'

/** What an agent's window shows; always as high as a window, so that a longer text moves nothing. */
export const Screen = ({ name, text }: { readonly name: string; readonly text: string | undefined }) => (
  // biome-ignore lint/a11y/useSemanticElements: a section would lose the line breaks
  <pre id="screen" class="screen" role="region" tabindex={0} aria-label={`Window of ${name}`}>
    {text === undefined ? (
      <span class="dim">There is no window now.</span>
    ) : (
      stretches(text.replace(/\s+$/, '')).map(({ text: piece, classes }) =>
        classes === '' ? piece : <span class={classes}>{piece}</span>,
      )
    )}
  </pre>
)
