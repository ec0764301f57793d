/** @jsxImportSource hono/jsx */
import { idFor } from '../live/regions.ts'
import { urls } from '../urls.ts'
import type { Said } from './conversations.ts'

interface Props {
  readonly thread: string
  readonly said: Pick<Said, 'id' | 'rating' | 'answers'>
}

const grades = Array.from({ length: 10 }, (_, at) => at + 1)

/** From 1 to 10; another press changes it. */
export const Rating = ({ thread, said: { id, rating } }: Props) => {
  const element = idFor('rate', id)
  const action = urls.chatRate.to(thread, id)
  return (
    <details id={element} class="rate">
      <summary>{rating === undefined ? 'Rate this answer' : `Rated ${rating} of 10`}</summary>
      <form method="post" action={action} hx-post={action} hx-target={`#${element}`} hx-swap="outerHTML">
        {grades.map(grade => (
          <button
            type="submit"
            class="quiet"
            name="rating"
            value={String(grade)}
            aria-label={`Rate ${grade} of 10`}
            aria-pressed={grade === rating ? 'true' : 'false'}
          >
            {grade}
          </button>
        ))}
      </form>
    </details>
  )
}

/** Asks the question of an answer again that was not finished. */
export const RetryForm = ({ thread, said: { answers } }: Props) =>
  answers === undefined ? null : (
    <form method="post" action={urls.chatRetry.to(thread)} hx-post={urls.chatRetry.to(thread)} hx-swap="none">
      <input type="hidden" name="work" value={answers} />
      <button type="submit" class="second small">
        Retry
      </button>
    </form>
  )
