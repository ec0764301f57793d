/** @jsxImportSource hono/jsx */
/** The mark: five ticks of a rule. Its drawing is that of `assets/mark.svg`. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <path d="M2 5h3v22H2zM8.250 16h3v8h-3zM14.500 9h3v15h-3zM20.750 16h3v8h-3zM27 5h3v22h-3zM2 24h28v3H2z" />
  </svg>
)
