/** Pieces as a model writes them, some three words each, with a number to know each one by: `w17`. */
export const pieces: readonly string[] = Array.from({ length: 300 }, (_, at) => {
  if (at % 60 === 59) return `w${at}.\n\n`
  if (at % 60 === 30) return `w${at}:\n\n- one of `
  if (at % 60 > 30 && at % 10 === 0) return `w${at} such.\n- and `
  return at % 7 === 3 ? `**w${at}** which is ` : `w${at} of the words `
})

/** The numbers of the pieces that a text holds. */
export const piecesIn = (text: string): readonly number[] => [...text.matchAll(/\bw(\d+)\b/g)].map(match => Number(match[1]))

/** An answer of this many characters: paragraphs, lists, tables, code. */
export function longText(characters: number): string {
  const section = (at: number) =>
    `## Part ${at}\n\nThis is a paragraph of **part ${at}** with \`code\`, a [link](https://example.com/${at}) and some more words ` +
    `that make it as long as paragraphs are.\n\n- first of ${at}\n- second, which is longer than the first\n- third\n\n` +
    `\`\`\`ts\nconst part${at} = await read(${at})\nconsole.log(part${at}.length)\n\`\`\`\n\n| name | value |\n|---|---|\n| a | ${at} |\n| b | 2 |\n\n`
  let text = ''
  for (let at = 0; text.length < characters; at++) text += section(at)
  return text
}
