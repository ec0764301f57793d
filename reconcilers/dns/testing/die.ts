import type { AnyReconciler } from '../../engine/reconciler.ts'

/**
 * Applies what a reconciler finds and dies at the step of that number: nothing after it ever happens. Gives its name, or
 * undefined when there are fewer steps and all was applied.
 */
export async function dieAtStep(
  { observe, plan, applyBatch }: AnyReconciler,
  wanted: ReadonlyMap<string, unknown>,
  number: number,
): Promise<string | undefined> {
  const { signal } = new AbortController()
  const { changes } = plan(wanted, await observe(wanted, signal))
  const death = Promise.withResolvers<string>()
  let count = 0
  const step = (name: string): Promise<void> => {
    if (count++ !== number) return Promise.resolve()
    death.resolve(name)
    return new Promise(() => {})
  }
  const applied = applyBatch?.(changes, { signal, step, progress: () => {} }).then(() => undefined)
  return Promise.race([death.promise, applied])
}
