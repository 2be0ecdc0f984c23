// A network that works at any batch size, told from how it is said for two.
import { sameShape } from "../core/shape.ts";
import type { Operation, Value } from "./network.ts";
import type { Translation } from "./translate.ts";

/** The constants of an operation where they go with the batch, or undefined where that cannot be said. */
function flexible(mine: Operation, theirs: Operation, place: number): Value | undefined {
  const [a, b] = [mine.inputs[place]!, theirs.inputs[place]!];
  if (!sameShape(a.shape, b.shape)) return undefined;
  const differing =
    a.type === "int32" ? [...a.values!.keys()].filter((k) => a.values![k] !== b.values![k]) : [];
  if (differing.length === 0) return a;
  const start = mine.name === "SLICE" && place === 2 ? mine.inputs[1]!.values! : undefined;
  const known = mine.name === "RESHAPE" || (start && differing.every((k) => start[k] === 0));
  if (!known || differing.length > 1) return undefined;
  return {
    ...a,
    values: Int32Array.from(a.values! as Int32Array, (value, k) => (differing.includes(k) ? -1 : value)),
  };
}

/**
 * The same network for any batch, told from how it is said for two; undefined where its constants depend on the batch.
 * What goes with the batch is −1 in signatures, and where operations take a shape.
 */
export function atAnyBatch(one: Translation, other: Translation): Translation | undefined {
  if (one.operations.length !== other.operations.length) return undefined;
  const sign = (a: Value, b: Value) => {
    if (!sameShape(a.shape, b.shape))
      a.signature = a.shape.map((size, axis) => (size === b.shape[axis] ? size : -1));
  };
  const operations: Operation[] = [];
  for (const [index, mine] of one.operations.entries()) {
    const theirs = other.operations[index]!;
    if (mine.name !== theirs.name || mine.inputs.length !== theirs.inputs.length) return undefined;
    const inputs: Value[] = [];
    for (const [place, input] of mine.inputs.entries()) {
      const value = input.values ? flexible(mine, theirs, place) : input;
      if (!value) return undefined;
      inputs.push(value);
    }
    sign(mine.output, theirs.output);
    operations.push({ ...mine, inputs });
  }
  sign(one.input, other.input);
  return { ...one, operations };
}
