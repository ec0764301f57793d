import { expect, test } from 'bun:test'
import { choose, type Wanted } from './choose.ts'
import type { StoredCertificate } from './stored.ts'

const day = 86_400_000
const one = 'https://one.example.com/directory'
const other = 'https://other.example.com/directory'
const [shop, www, late] = ['shop.example.com', 'www.shop.example.com', 'late.shop.example.com']

/** Begins on that day, for ninety days. */
const given = (id: string, begin: number, names: readonly string[], directory = one): StoredCertificate => ({
  ...{ id, names: new Set(names), begin: begin * day, end: (begin + 90) * day, directory },
})

const chosen = (wanted: Partial<Wanted>, kept: readonly StoredCertificate[], today: number) => {
  const { shares, uncovered } = choose({ host: shop, aliases: [www], ...wanted }, kept, today * day)
  return [Object.fromEntries(shares.map(({ certificate, names }) => [certificate.id, names])), uncovered]
}

test('the newest that is for a name is served, of an authority only', () => {
  const kept = [given('old', 0, [shop, www]), given('new', 10, [shop, www, late])]
  expect(chosen({}, kept, 30)).toEqual([{ new: [shop, www] }, []])
  expect(chosen({}, [...kept, given('part', 20, [shop])], 30)).toEqual([{ part: [shop], new: [www] }, []])
  expect(chosen({}, [{ ...given('own', 0, [shop, www]), directory: undefined }], 30)).toEqual([{}, [shop, www]])
})

test('a name that no certificate is for takes none from the others', () => {
  expect(chosen({ aliases: [www, late] }, [given('a', 0, [shop, www])], 30)).toEqual([{ a: [shop, www] }, [late]])
})

test('one that has ended is better than none, and any valid one better than that', () => {
  expect(chosen({}, [given('ended', 0, [shop, www])], 91)).toEqual([{ ended: [shop, www] }, []])
  expect(chosen({}, [given('ended', 0, [shop, www]), given('part', 50, [www])], 91)).toEqual([{ ended: [shop], part: [www] }, []])
})

test('after the authority was changed the certificate of the declared one serves once it is there, also when it is the older one', () => {
  const kept = [given('one', 0, [shop, www]), given('other', 5, [shop, www], other)]
  expect(chosen({ authority: one }, kept, 10)).toEqual([{ one: [shop, www] }, []])
  expect(chosen({ authority: other }, kept, 10)).toEqual([{ other: [shop, www] }, []])
  expect(chosen({ authority: 'https://third.example.com' }, kept, 10)).toEqual([{ other: [shop, www] }, []])
})

test('a star is for every name of one more part, and names below it keep their own until it has one, unless another domain has them', () => {
  const star = '*.shop.example.com'
  expect(chosen({ aliases: [www, `a.${www}`] }, [given('star', 0, [shop, star])], 30)).toEqual([
    { star: [shop, www] },
    [`a.${www}`],
  ])
  const kept = [given('named', 0, [shop, www, late, `a.${www}`])]
  expect(chosen({ aliases: [star] }, kept, 30)).toEqual([{ named: [late, shop, www] }, [star]])
  expect(chosen({ aliases: [star], taken: [www] }, kept, 30)).toEqual([{ named: [late, shop] }, [star]])
  expect(chosen({ aliases: [star] }, [given('odd', 0, [shop, 'a b.shop.example.com', 'A.shop.example.com'])], 30)).toEqual([
    ...[{ odd: [shop] }, [star]],
  ])
  expect(chosen({ aliases: [star] }, kept, 91)).toEqual([{ named: [shop] }, [star]])
})
