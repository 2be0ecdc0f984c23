// N-gram models: what counting the next token reaches, to compare a network with.

import { OptionError } from "../core/errors.ts";
import { log } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";

/** Options of {@link ngramModel}. */
export interface NgramOptions {
  /** Tokens that are looked at, the predicted one among them. Default: 3. */
  readonly order?: number;
  /** How many ids there are. Default: the largest in the training text plus one. */
  readonly size?: number;
  /**
   * "kneser-ney" mixes each order with the next lower one, down to equal shares of all ids. `{ addK }` adds k to every count
   * of the highest order alone. Default: "kneser-ney".
   */
  readonly smoothing?: "kneser-ney" | { readonly addK: number };
}

/** Counts of all runs of up to `order` tokens, as a tree: a node is a context, its children are what followed it. */
export class NgramModel {
  readonly order: number;
  /** How many ids there are. */
  readonly size: number;
  readonly #addK: number | undefined;
  /** Node · size + id gives the child; nodes are numbered as they were found, the root is 0. */
  readonly #children = new Map<number, number>();
  /** How often each node's run occurred; below the highest order, after how many different tokens. */
  readonly #counts = [0];
  /** The sum of its children's counts, and their number. */
  readonly #followed = [0];
  readonly #different = [0];
  /** What is taken off every count of an order and given to the next lower one. */
  readonly #discounts: number[] = [];

  /** Made by `ngramModel`. */
  constructor(ids: ArrayLike<number>, options: { order: number; size: number; addK: number | undefined }) {
    this.order = options.order;
    this.size = options.size;
    this.#addK = options.addK;
    const depths = [0];
    this.#walk(ids, (id, contexts) => {
      // From long to short: a run that is new has its tail after one more token.
      let added = true;
      const runs = contexts.map((node, depth) => this.#child(node, id, depth + 1, depths));
      for (let depth = contexts.length - 1; depth >= 0; depth--) {
        // Add-k counts occurrences in every order: a text begins with contexts shorter than the others.
        const highest = depth === this.order - 1 || this.#addK !== undefined;
        if (highest || added) {
          added = this.#counts[runs[depth]!] === 0;
          this.#counts[runs[depth]!]!++;
          this.#followed[contexts[depth]!]!++;
        }
      }
      return runs;
    });
    const [once, twice] = [1, 2].map((times) => {
      const found = new Float64Array(this.order + 1);
      for (const [node, count] of this.#counts.entries()) if (count === times) found[depths[node]!]!++;
      return found;
    });
    for (let depth = 1; depth <= this.order; depth++) {
      const [n1, n2] = [once![depth]!, twice![depth]!];
      this.#discounts.push(n1 > 0 ? n1 / (n1 + 2 * n2) : 0.5);
    }
  }

  /** The probability of an id after others, of which the last order − 1 count. */
  probability(context: ArrayLike<number>, id: number): number {
    let probability = 0;
    const run = [...Array.from(context).slice(context.length - Math.min(context.length, this.order - 1)), id];
    this.#walk(run, (next, contexts, i) => {
      if (i === run.length - 1) probability = this.#probability(contexts, next);
      return this.#steps(contexts, next);
    });
    return probability;
  }

  /**
   * Mean of −ln p of ids 1, 2, … of a text, each after those before it: nats a token, as `softmaxCrossEntropy` measures
   * on `nextTokenDataset`. Infinite where `{ addK: 0 }` meets what it has not seen.
   */
  loss(ids: ArrayLike<number>): number {
    if (ids.length < 2) throw new OptionError(`ngramModel: ids: got ${ids.length}, wanted 2 or more`);
    let sum = 0;
    this.#walk(ids, (id, contexts, i) => {
      if (i > 0) {
        const probability = this.#probability(contexts, id);
        sum -= probability > 0 ? log(probability) : Number.NEGATIVE_INFINITY;
      }
      return this.#steps(contexts, id);
    });
    return sum / (ids.length - 1);
  }

  /** e to the loss: among how many equally likely ids the model is as unsure. */
  perplexity(ids: ArrayLike<number>): number {
    return Math.exp(this.loss(ids));
  }

  /** Calls `visit` for every id with the nodes of the 0, 1, … tokens before it (−1: never seen); it gives theirs after it. */
  #walk(
    ids: ArrayLike<number>,
    visit: (id: number, contexts: readonly number[], i: number) => readonly number[],
  ): void {
    let contexts: readonly number[] = [0];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (!(Number.isInteger(id) && id >= 0 && id < this.size))
        throw new OptionError(`ngramModel: id ${i}: got ${id}, wanted an integer from 0 to ${this.size - 1}`);
      contexts = [0, ...visit(id, contexts, i)].slice(0, this.order);
    }
  }

  #steps(contexts: readonly number[], id: number): number[] {
    return contexts.map((node) => (node < 0 ? -1 : (this.#children.get(node * this.size + id) ?? -1)));
  }

  #child(node: number, id: number, depth: number, depths: number[]): number {
    const key = node * this.size + id;
    let child = this.#children.get(key);
    if (child === undefined) {
      child = depths.push(depth) - 1;
      this.#children.set(key, child);
      this.#counts.push(0);
      this.#followed.push(0);
      this.#different.push(0);
      this.#different[node]!++;
    }
    return child;
  }

  #probability(contexts: readonly number[], id: number): number {
    const count = (node: number): number => {
      const child = this.#children.get(node * this.size + id);
      return child === undefined ? 0 : this.#counts[child]!;
    };
    if (this.#addK !== undefined) {
      const node = contexts.at(-1)!;
      const [times, all] = node < 0 ? [0, 0] : [count(node), this.#followed[node]!];
      const share = all + this.#addK * this.size;
      return share === 0 ? 0 : (times + this.#addK) / share;
    }
    let probability = 1 / this.size;
    for (const [depth, node] of contexts.entries()) {
      const all = node < 0 ? 0 : this.#followed[node]!;
      if (all === 0) break;
      const discount = this.#discounts[depth]!;
      const kept = Math.max(0, count(node) - discount);
      probability = (kept + discount * this.#different[node]! * probability) / all;
    }
    return probability;
  }
}

/**
 * A model that predicts each token from the order − 1 before it by counting: the base line of a network that does.
 * Interpolated Kneser–Ney smoothing with one discount an order, D = n₁ / (n₁ + 2 n₂), of n₁ runs that occur once and n₂
 * twice (Kneser and Ney 1995; Chen and Goodman 1999, section 2.7): a context that n tokens followed, t of them different,
 * gives (max(0, count − D) + D · t · p of the next shorter context) / n, and below the highest order a count is after how
 * many different tokens a run occurs. With `{ addK }`, Lidstone's (count + k) / (n + k · size).
 * Throws `OptionError` for options out of range and ids that are none.
 * @example
 * const letters = vocabulary(["to be or not to be"], { tokenizer: characters() });
 * const model = ngramModel(letters.encode("to be or not to be"), { order: 3, size: letters.size });
 * console.log(model.loss(letters.encode("not to be")), model.perplexity(letters.encode("not to be")));
 */
export function ngramModel(ids: ArrayLike<number>, options: NgramOptions = {}): NgramModel {
  const { order = 3, smoothing = "kneser-ney" } = checkOptions("ngramModel", options, {
    order: 0,
    size: 0,
    smoothing: 0,
  });
  let { size = 0 } = options;
  if (!(Number.isSafeInteger(order) && order >= 1))
    throw new OptionError(`ngramModel: order: got ${order}, wanted an integer from 1`);
  if (options.size === undefined) for (let i = 0; i < ids.length; i++) size = Math.max(size, ids[i]! + 1);
  if (!(Number.isSafeInteger(size) && size >= 1))
    throw new OptionError(`ngramModel: size: got ${size}, wanted an integer from 1`);
  const addK = smoothing === "kneser-ney" ? undefined : smoothing?.addK;
  if (smoothing !== "kneser-ney" && !(Number.isFinite(addK) && addK! >= 0))
    throw new OptionError(
      `ngramModel: smoothing: got ${JSON.stringify(smoothing)}, wanted "kneser-ney" or { addK } from 0`,
    );
  return new NgramModel(ids, { order, size, addK });
}
