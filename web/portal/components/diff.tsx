/** @jsxImportSource hono/jsx */
/** A unified diff, each line with a class for its kind. */
export const Diff = ({ text }: { readonly text: string }) => (
  <pre class="diff" tabindex={0}>
    {text
      .trimEnd()
      .split('\n')
      .map(line => (
        <code class={kindOf(line)}>{`${line}\n`}</code>
      ))}
  </pre>
)

function kindOf(line: string): string {
  if (/^(diff|index|---|\+\+\+|new file|deleted file|similarity|rename|old mode|new mode)/.test(line)) return 'file'
  if (line.startsWith('@@')) return 'place'
  if (line.startsWith('+')) return 'add'
  if (line.startsWith('-')) return 'cut'
  return ''
}
