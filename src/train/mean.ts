// Means over an epoch, each batch weighted by its size, and what metrics make of all batches.
import type { Collector, Metric } from "./loss.ts";
import type { Row } from "./runner.ts";

export class Mean {
  examples = 0;
  /** Steps whose loss was not finite; they are left out of the means. */
  skipped = 0;
  #counted = 0;
  readonly #metrics: readonly Metric[];
  /** The loss first. */
  readonly #sums: Float64Array;
  readonly #collectors: readonly (Collector | undefined)[];

  constructor(metrics: readonly Metric[]) {
    this.#metrics = metrics;
    this.#sums = new Float64Array(1 + metrics.length);
    this.#collectors = [undefined, ...metrics.map(({ collect }) => collect?.())];
  }

  add(row: Row, batch: number): void {
    this.examples += batch;
    if (!Number.isFinite(row[0]![0])) {
      this.skipped++;
      return;
    }
    this.#counted += batch;
    for (const [i, numbers] of row.entries()) {
      const collector = this.#collectors[i];
      if (collector) collector.add(numbers);
      else this.#sums[i]! += numbers[0]! * batch;
    }
  }

  result(): { loss: number; metrics: Record<string, number> } {
    const values = Array.from(this.#sums, (sum, i) => this.#collectors[i]?.value() ?? sum / this.#counted);
    const metrics = Object.fromEntries(this.#metrics.map(({ name }, index) => [name, values[index + 1]!]));
    return { loss: values[0]!, metrics };
  }
}
