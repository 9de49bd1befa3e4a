/**
 * Seeded random numbers (sfc32) and the choice functions of the generator. 32-bit only: cases are
 * built by the million.
 */
export class Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #n = 1;

  constructor(seed: number, stream = 0) {
    this.seed(seed, stream);
  }

  seed(seed: number, stream = 0): void {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = 0x2545f491;
    this.#n = 1;
    for (let i = 0; i < 12; i++) this.u32();
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#n) | 0;
    this.#n = (this.#n + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** Uniform in 0 … limit - 1. */
  below(limit: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * limit);
  }

  /** True in `percent` of 100 draws. */
  percent(percent: number): boolean {
    return this.u32() % 100 < percent;
  }

  pick<T>(items: ArrayLike<T>): T {
    return items[this.below(items.length)]!;
  }
}
