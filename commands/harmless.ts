/** One line of what an agent or a stranger wrote: nothing in it moves the cursor or turns the direction of the text. */
export const harmless = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '')
