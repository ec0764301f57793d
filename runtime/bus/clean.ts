/** Postgres keeps every character of a text but NUL and lone halves of a pair. */
export const clean = (text: string): string => text.replaceAll('\0', '').toWellFormed()
