/**
 * What the eye does not see, or sees as something else: control and format characters (zero width, direction, tags), what
 * renderers may ignore, blanks that are no space, what has no meaning in Unicode. A line break is shown and kept.
 */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{DI}\u2800]|(?! )\p{Zs}/gu

const named: Readonly<Record<string, string>> = { '\n': '\\n\n', '\r': '\\r', '\t': '\\t' }

/** Text as a person who decides has to see it: everything invisible stands there as an escape. */
export const visible = (text: string): string =>
  text.replace(unseen, character => named[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)

/** JSON on several lines, in which only the line breaks of the layout break a line. */
export const visibleJson = (value: unknown): string =>
  (JSON.stringify(value, undefined, 2) ?? 'undefined').split('\n').map(visible).join('\n')

const latin = /\p{Script=Latin}/u
const lookalike = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}]/u

/** Words that mix Latin letters with those that look like them. */
export const mixedWords = (text: string): readonly string[] => [
  ...new Set((text.match(/[\p{L}\p{N}_-]+/gu) ?? []).filter(word => latin.test(word) && lookalike.test(word))),
]
