// A dataset in an engine's memory, whole: steps gather their batches there.
import type { Field } from "../data/index.ts";
import type { Engine } from "../engine/engine.ts";
import type { Block } from "../engine/memory.ts";
import type { Model } from "../nn/model.ts";
import { type Feeds, type Fields, feedsOfFields } from "./feeds.ts";
import { Regions } from "./regions.ts";
import { dataRegion, REGION } from "./step.ts";

/** Elements that are copied at a time, in some milliseconds. */
const PART = 2 ** 21;

export class Resident {
  readonly fields: Fields;
  /** By the names that every program has for its data: no two datasets may share them. */
  readonly regions: Regions;
  readonly #engine: Engine;
  readonly #model: Model;
  /** What still has to be copied into regions, part by part. */
  readonly #filling: Iterator<void>[] = [];

  constructor(fields: Fields, model: Model, engine: Engine) {
    this.fields = fields;
    this.regions = new Regions(engine);
    this.#engine = engine;
    this.#model = model;
  }

  /** @throws ShapeError, DataError where the model cannot take them. */
  feeds(): Feeds {
    return feedsOfFields(this.#model, this.fields);
  }

  /** A region of the data; undefined if the name is another's. `filled` copies what belongs there. */
  region(name: string, bytes: number): Block | undefined {
    const { inputs, labels, targets } = this.fields;
    const field =
      name === dataRegion(REGION.input)
        ? inputs
        : name === dataRegion(REGION.target)
          ? (labels ?? targets)
          : undefined;
    return field && this.regions.take(name, bytes, (block) => this.#filling.push(this.#fill(field, block)));
  }

  /** Copies what still has to be copied; a page breathes between the parts. */
  async filled(): Promise<void> {
    for (const parts of this.#filling.splice(0)) while (!parts.next().done) await this.#engine.breathe();
  }

  /** Copies a field into its region, a part at a time. */
  *#fill(field: Field, { address }: Block): Iterator<void> {
    const { values, scale, offset } = field;
    const { labels, inputs } = this.fields;
    const integers = field === labels || (field === inputs && this.#model.inputType === "i32");
    const Kept = integers ? Int32Array : values instanceof Uint8Array ? Uint8Array : Float32Array;
    for (let from = 0; from < values.length; from += PART) {
      const part = values.subarray(from, from + PART);
      // Taken anew for each part: memory may have grown between two.
      const { buffer } = this.#engine.memory;
      const kept = new Kept(buffer, address + from * Kept.BYTES_PER_ELEMENT, part.length);
      if (Kept !== Float32Array || (scale === 1 && offset === 0)) kept.set(part);
      else {
        // Rounded after each operation, as the kernel rounds bytes and as batches are rounded: the same bits.
        const factor = Math.fround(scale);
        const shift = Math.fround(offset);
        for (let i = 0; i < part.length; i++) kept[i] = Math.fround(part[i]! * factor) + shift;
      }
      yield;
    }
  }
}
