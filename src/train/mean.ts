// Means over an epoch, each batch weighted by its size.

export class Mean {
  examples = 0;
  /** Steps whose loss was not finite; they are left out of the means. */
  skipped = 0;
  #counted = 0;
  readonly #names: readonly string[];
  readonly #sums: Float64Array;

  /** The first name is the loss, the others are metrics. */
  constructor(names: readonly string[]) {
    this.#names = names;
    this.#sums = new Float64Array(names.length);
  }

  add(row: Float32Array, batch: number): void {
    this.examples += batch;
    if (!Number.isFinite(row[0])) {
      this.skipped++;
      return;
    }
    this.#counted += batch;
    for (let i = 0; i < this.#sums.length; i++) this.#sums[i]! += row[i]! * batch;
  }

  result(): { loss: number; metrics: Record<string, number> } {
    const means = Array.from(this.#sums, (sum) => sum / this.#counted);
    const metrics = Object.fromEntries(this.#names.slice(1).map((name, index) => [name, means[index + 1]!]));
    return { loss: means[0]!, metrics };
  }
}
