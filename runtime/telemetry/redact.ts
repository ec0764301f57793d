import { type KnownSecrets, shortestKnown } from './known-secrets.ts'

const shapes: readonly RegExp[] = [
  /\bsk-[A-Za-z0-9_-]{16,}/g,
  /\b(?:ghp|gho|ghu|ghs|ghr|github_pat|glpat|npm|pypi)[_-][A-Za-z0-9_-]{16,}/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bAIza[\w-]{35}/g,
  /\bxox[a-z]-[A-Za-z0-9-]{10,}/g,
  /\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/g,
  /\bAGE-SECRET-KEY-1[0-9A-Z]{20,}/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /(?<=\bBearer\s{1,8})[\w.~+/-]{8,}=*/gi,
  /(?<=\b(?:password|passwd|secret|token|api[_-]?key|access[_-]?key)["']?\s{0,4}[=:]\s{0,4}["']?)[^\s"'&;,]{6,}/gi,
  /(?<=:\/\/[^\s/:@]{0,64}:)[^\s/@]+(?=@)/g,
]

/** What every shape begins with: most texts hold none of it, and are told from the others in one pass. */
const telling =
  /sk-|gh[a-z]_|github_pat|glpat|npm_|pypi-|AKIA|ASIA|AIza|xox|eyJ|AGE-SECRET|PRIVATE KEY|:\/\/|bearer|passw|secret|token|api.?key|access.?key/i

const hidden = '[secret]'

/** `secret:NAME` names a secret and is none; without it nobody could say which one is missing. */
const reference = /^(?:secret:)?[A-Z][A-Z0-9_]{0,99}(?:\.[\w-]{1,100})?[)\]}.:]*$/

const hide = (found: string, offset: number, text: string): string =>
  reference.test(found) && (found.startsWith('secret:') || text.endsWith('secret:', offset)) ? found : hidden

/** Text without the values that are known to be secret, and else as it is: for what somebody goes on working with. */
export const hideKnown =
  (known: Pick<KnownSecrets, 'forms'>): ((text: string) => string) =>
  text => {
    let clean = text
    const forms = known.forms()
    for (const form of forms) if (clean.includes(form)) clean = clean.replaceAll(form, hidden)
    return withoutBegun(clean, forms)
  }

/** A text that was cut may end in the middle of a secret. */
function withoutBegun(text: string, forms: readonly string[]): string {
  const [whole = '', cut = ''] = /^([\s\S]*?)(…|\.{3})?$/.exec(text.slice(-longestTail))?.slice(1) ?? []
  for (const form of forms) {
    const at = whole.lastIndexOf(form.slice(0, shortestKnown))
    if (at < 0 || !form.startsWith(whole.slice(at))) continue
    return `${text.slice(0, text.length - cut.length - (whole.length - at))}${hidden}${cut}`
  }
  return text
}

/** Characters of the end of a text in which a secret that was cut is looked for. */
const longestTail = 4_096

/** Text that may leave the process: without the values that are known to be secret, and without what looks like one. */
export function createRedactor(known: Pick<KnownSecrets, 'forms'>): (text: string) => string {
  const withoutKnown = hideKnown(known)
  return text => {
    let clean = withoutKnown(text)
    if (clean.length >= 8 && telling.test(clean)) for (const shape of shapes) clean = clean.replace(shape, hide)
    return clean
  }
}
