const compactFormat = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

/** 7, 1.2K, 34M. */
export const compact = (count: number): string => compactFormat.format(count)

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** Bytes: 12 B, 3.4 KiB, 120 GiB. */
export function size(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const amount = bytes / 1024 ** power
  return `${amount < 10 && power > 0 ? amount.toFixed(1) : Math.round(amount)} ${units[power]}`
}
