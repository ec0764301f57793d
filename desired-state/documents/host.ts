import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

export type Parsed<T> = { readonly ok: T } | { readonly wrong: string }

const labelPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** A full host name in lower case, as punycode when it is international; or the sentence that says what to write instead. */
export function parseHost(text: string): Parsed<string> {
  const wrong = (because: string): Parsed<string> => ({ wrong: `${JSON.stringify(text)} ${because}` })
  if (text === '') return { wrong: 'a host name is missing: write one, like blog.example.com' }
  if (/^[a-z]+:\/\//i.test(text)) return wrong('is a URL: write the host name alone, like blog.example.com')
  if (text.includes('*')) return wrong('has a star: only the whole first part of a site may be one, like *.example.com')
  if (isIP(text.replace(/^\[|\]$/g, ''))) return wrong('is an address: write a host name, like blog.example.com')
  if (/:\d+$/.test(text)) return wrong('has a port, which belongs to the appliance: write the host name alone')
  if (text.endsWith('.')) return wrong(`ends with a dot: write ${text.replace(/\.+$/, '') || 'a host name'}`)
  const lower = text.toLowerCase()
  if (lower !== text) return wrong(`has capital letters: write ${lower}`)
  return asciiHost(text, wrong)
}

/** A host name, or a star for its first part: all names of one more part than the rest. */
export function parseSiteName(text: string): Parsed<string> {
  if (!text.startsWith('*.')) return parseHost(text)
  const rest = parseHost(text.slice(2))
  if ('ok' in rest) return { ok: `*.${rest.ok}` }
  return { wrong: `${JSON.stringify(text)} is no name with a star: ${rest.wrong}` }
}

function asciiHost(text: string, wrong: (because: string) => Parsed<string>): Parsed<string> {
  const international = /\P{ASCII}/u.test(text)
  const ascii = international || text.includes('xn--') ? domainToASCII(text) : text
  if (ascii === '') return wrong('is no international host name: check its spelling')
  // Only letters that need punycode may change: a look-alike or invisible character of a plain name is a slip or a trick.
  if (international ? !ascii.includes('xn--') : ascii !== text) return wrong(`is another way to write ${ascii}: write that`)
  if (isIP(ascii)) return wrong(`is the address ${ascii}: write a host name`)
  if (ascii.length > 253) return wrong(`has ${ascii.length} characters, and a host name has at most 253`)
  const labels = ascii.split('.')
  if (labels.length < 2) return wrong('is not a full host name: write one with a dot, like blog.example.com')
  const bad = labels.find(label => !labelPattern.test(label))
  if (bad === '') return wrong('has two dots in a row, or begins with one: write one dot between words')
  if (bad !== undefined) {
    return wrong(
      bad.length > 63
        ? 'has a part of more than 63 characters between two dots: shorten it'
        : `is not a host name, because of ${JSON.stringify(bad)}: use letters, digits and hyphens, no hyphen first or last`,
    )
  }
  if (/^\d+$/.test(labels.at(-1) ?? '')) return wrong('ends with a number: write a host name, like blog.example.com')
  return { ok: ascii }
}
