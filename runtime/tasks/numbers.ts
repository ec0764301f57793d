/** Milliseconds of waiting that are worth one step of priority. */
export const ageingMilliseconds = 300_000
/** Milliseconds that a claim lives without a report of its holder. */
export const leaseMilliseconds = 120_000
/** Of one task: claims whose holder was not heard of again, after which a person has to look. */
export const mostLosses = 10
/** Of one task: further than any real division of work goes. */
export const mostHandOffs = 6
/** Of one task: times that it sends another back. */
export const mostReworks = 3
/** Between two tries of a task. */
export const retryWaits = { first: 2_000, longest: 300_000 } as const

export const defaults = { priority: 5, maxRetries: 3, timeoutSeconds: 300 } as const

/** Of one submission. */
export const mostTasks = 20_000
/** Of one task. */
export const mostDependencies = 20_000
/** Characters. */
export const longestName = 200
export const longestText = 100_000
/** What a claim carries along of the tasks before it: how many, and characters of each. */
export const inputsOfClaim = { most: 100, longest: 20_000 } as const
