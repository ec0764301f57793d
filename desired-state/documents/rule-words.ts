import { z } from 'zod'
import { didYouMean } from '../suggest.ts'

/** The words of permissions.yaml that take rules. */
export const ruleWords = ['read', 'write', 'run', 'env', 'sql', 'verb'] as const
export type PermissionWord = (typeof ruleWords)[number]

const mostRules = 200

const oneLine = z
  .string()
  .min(1)
  .max(200)
  .regex(/^\P{Cc}+$/u, 'a rule is one line of text')

const places = ['workspace', 'www', 'projects', 'logs']

const path = oneLine.superRefine((rule, context) => {
  const [first = ''] = rule.split('/')
  if (rule.split('/').includes('..')) context.addIssue(`a path cannot contain "..": write where it leads`)
  else if (!rule.startsWith('/') && !places.includes(first)) {
    context.addIssue(
      `${JSON.stringify(rule)} is no path${didYouMean(first, places) || `: write ${places.join(', ')}, one of them with a folder (www/blog), or an absolute path`}`,
    )
  }
})

const environment = oneLine.regex(
  /^(\*|[A-Za-z_][A-Za-z0-9_]*\*?)$/,
  'a variable is written like LANG, or LC_* for all that begin so',
)

const statements = (
  'SELECT INSERT UPDATE DELETE MERGE TRUNCATE CREATE ALTER DROP COPY GRANT REVOKE DO CALL SET RESET DISCARD DECLARE FETCH CLOSE VACUUM ' +
  'ANALYZE CLUSTER LOCK PREPARE EXECUTE DEALLOCATE NOTIFY LISTEN UNLISTEN REINDEX REINDEX REFRESH COMMENT SECURITY IMPORT LOAD ' +
  'CHECKPOINT REASSIGN DEFINE CONSTRAINTS FUNCTION'
).split(' ')

const sql = oneLine.superRefine((rule, context) => {
  const [first = ''] = rule.toUpperCase().split(/\s+/)
  if (rule === '*' || statements.includes(first)) return
  context.addIssue(
    `${JSON.stringify(rule)} begins with no statement of SQL${didYouMean(first, statements) || ': write like SELECT, DROP TABLE or DROP *'}`,
  )
})

const verb = oneLine.regex(/^(\*|[a-z]+\.(\*|[a-z]+))$/, 'a verb is written like domain.set, domain.* or *')

const rulesOf = (rule: z.ZodType<string>) => z.array(rule).max(mostRules)

const listsOf = (rule: z.ZodType<string>) =>
  z.strictObject({
    allow: rulesOf(rule).optional().describe('What it may do. Replaces the list that it would have else.'),
    deny: rulesOf(rule)
      .optional()
      .describe('What it may not, whatever the other lists say. Replaces the list that it would have else.'),
    ask: rulesOf(rule).optional().describe('What a person must approve each time. Replaces the list that it would have else.'),
    always: rulesOf(rule)
      .optional()
      .describe('What a person has approved for good: allowed, also where ask matches. Deny still beats it.'),
  })

interface Word {
  readonly rule: z.ZodType<string>
  readonly description: string
}

const words: Readonly<Record<PermissionWord, Word>> = {
  read: { rule: path, description: 'Folders and files that it sees: workspace, www, projects, logs, www/blog, or absolute.' },
  write: { rule: path, description: 'Folders and files that it changes, written like those of read.' },
  run: { rule: oneLine, description: 'Programs (git), or programs with their first words (git push); * is all of them.' },
  env: { rule: environment, description: 'Names of variables that its commands see.' },
  sql: { rule: sql, description: 'Statements of SQL (SELECT, DROP TABLE, DELETE without WHERE); * is all of them.' },
  verb: { rule: verb, description: 'Verbs of the server (domain.set, deploy.*), with which it changes what you declared.' },
}

const shapeOf = (make: (word: Word) => z.ZodType) =>
  Object.fromEntries(ruleWords.map(name => [name, make(words[name]).optional().describe(words[name].description)]))

/** As they are written: a list alone means `allow`. */
export const writtenWords = shapeOf(({ rule }) => z.union([rulesOf(rule), listsOf(rule)]))

/** The three lists of each word, once the short form is written out. */
export const wordSchemas = {
  read: listsOf(words.read.rule).optional(),
  write: listsOf(words.write.rule).optional(),
  run: listsOf(words.run.rule).optional(),
  env: listsOf(words.env.rule).optional(),
  sql: listsOf(words.sql.rule).optional(),
  verb: listsOf(words.verb.rule).optional(),
}
