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

/** Letters of other alphabets that are drawn like Latin ones: a word of nothing else reads as a Latin word. */
const likeLatin = /^[авеѕіјкмнорсстухԁԛԝһӏүАВЕЅІЈКМНОРСТУХԌԚԜҺӀҮαικνορυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ0-9_-]+$/u

/** Written from right to left: what stands beside them changes its place on the screen. */
const backwards = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u

const wordsOf = (text: string) => text.match(/[\p{L}\p{N}\p{M}_-]+/gu) ?? []

/** Words that mix Latin letters with those that look like them, or are made of such letters alone, or of wide or styled ones. */
export const mixedWords = (text: string): readonly string[] => [
  ...new Set(wordsOf(text).filter(word => (latin.test(word) && lookalike.test(word)) || isDisguised(word))),
]

function isDisguised(word: string): boolean {
  if (lookalike.test(word)) return likeLatin.test(word)
  const plain = word.normalize('NFKC')
  return plain !== word && /^[\x20-\x7e]+$/.test(plain)
}

/** Words with letters that are written from right to left. */
export const backwardWords = (text: string): readonly string[] => [...new Set(wordsOf(text).filter(word => backwards.test(word)))]
