/** Keeps the beginning and the end of what a command prints, within a number of bytes. */
export class MiddleCut {
  readonly #head: Uint8Array[] = []
  readonly #tail: Uint8Array[] = []
  readonly #half: number
  #headSize = 0
  #tailSize = 0
  #dropped = 0

  constructor(bytes: number) {
    this.#half = Math.max(1, Math.floor(bytes / 2))
  }

  add(chunk: Uint8Array): void {
    const room = Math.max(0, this.#half - this.#headSize)
    const first = chunk.subarray(0, room)
    if (first.length > 0) {
      this.#head.push(first)
      this.#headSize += first.length
    }
    this.#keep(chunk.subarray(first.length))
  }

  get dropped(): number {
    return this.#dropped
  }

  text(): string {
    const decode = (chunks: readonly Uint8Array[]) => new TextDecoder().decode(Buffer.concat([...chunks]))
    if (this.#dropped === 0) return decode([...this.#head, ...this.#tail])
    return `${decode(this.#head)}\n… ${this.#dropped} bytes were left out …\n${decode(this.#tail)}`
  }

  #keep(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#tail.push(chunk)
    this.#tailSize += chunk.length
    while (this.#tailSize > this.#half) {
      const oldest = this.#tail[0]
      if (oldest === undefined) return
      const over = Math.min(oldest.length, this.#tailSize - this.#half)
      this.#tailSize -= over
      this.#dropped += over
      if (over === oldest.length) this.#tail.shift()
      else this.#tail[0] = oldest.subarray(over)
    }
  }
}
