import { z } from 'zod'

const branchPattern = /^(?!.*(?:\.\.|\/\/|\/\.|\.lock(?:\/|$)))[A-Za-z0-9_](?:[A-Za-z0-9._/-]*[A-Za-z0-9_-])?$/

/** Name of a branch that no command of Git takes for anything else. */
export const branchSchema = z
  .string()
  .max(200)
  .regex(branchPattern, 'branch must be the name of a branch, like main or release/2')
