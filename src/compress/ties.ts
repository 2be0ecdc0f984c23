// Channels by number, and which of them go together.

/** A channel by number for each index of an axis; FIXED ones stay, FREE ones go with whatever they meet. */
export type Axis = readonly number[];
export type Labels = readonly Axis[];
export const FIXED = 0;
export const FREE = -1;
export const filled = (size: number, label: number): Axis => new Array<number>(size).fill(label);
export const fixed = (shape: readonly number[]): Labels => shape.map((size) => filled(size, FIXED));

/** Sets of indices that go together, by union and find; the first is of those that stay. */
export class Ties {
  readonly #parents = [FIXED];
  /** Ops that hold a channel. */
  readonly #holders = new Map<number, string>();

  fresh(size: number): Axis {
    return Array.from({ length: size }, () => this.#parents.push(this.#parents.length) - 1);
  }

  find(label: number): number {
    if (label === FREE) return FREE;
    let root = label;
    while (this.#parents[root] !== root) root = this.#parents[root]!;
    this.#parents[label] = root;
    return root;
  }

  join(a: number, b: number): number {
    if (a === FREE || b === FREE) return Math.max(a, b);
    const [low, high] = [this.find(a), this.find(b)].sort((one, other) => one - other) as [number, number];
    if (low === high) return low;
    const holder = this.#holders.get(high);
    if (holder !== undefined) this.hold(low, holder);
    this.#parents[high] = low;
    return low;
  }

  joinAll(a: Axis, b: Axis): Axis {
    return a.map((label, index) => this.join(label, b[index]!));
  }

  /** Channels that an op cannot do without. */
  hold(label: number, op: string): void {
    if (label > FIXED && this.find(label) !== FIXED) this.#holders.set(this.find(label), op);
  }

  holder(label: number): string | undefined {
    return this.find(label) === FIXED ? "output" : this.#holders.get(this.find(label));
  }
}
