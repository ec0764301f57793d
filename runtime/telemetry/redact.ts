const shapes: readonly RegExp[] = [
  /\bsk-[A-Za-z0-9_-]{16,}/g,
  /\b(?:ghp|gho|ghs|github_pat)_[A-Za-z0-9_]{16,}/g,
  /\bAKIA[0-9A-Z]{16}\b/g,
  /(?<=:\/\/[^\s/:@]{0,64}:)[^\s/@]+(?=@)/g,
]

const hidden = '[secret]'

/** Text that may leave the process: without the values that are known to be secret, and without what looks like one. */
export function createRedactor(secrets: readonly (string | undefined)[]): (text: string) => string {
  const known = secrets
    .filter(secret => secret !== undefined && secret.length >= 8)
    .toSorted((a, b) => (b?.length ?? 0) - (a?.length ?? 0))
  return text => {
    let clean = text
    for (const secret of known) if (secret !== undefined) clean = clean.replaceAll(secret, hidden)
    for (const shape of shapes) clean = clean.replace(shape, hidden)
    return clean
  }
}
