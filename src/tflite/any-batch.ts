// A network that works at any batch size, told from how it is said for two and for three: of one, what goes with the batch
// looks like what does not.
import { type Shape, sameShape } from "../core/shape.ts";
import type { Operation, Value } from "./network.ts";
import type { Translation } from "./translate.ts";
import { numberOf } from "./write.ts";

/** The constant of an operation where it goes with the batch, or undefined where that cannot be said. */
function flexible(mine: Operation, theirs: Operation, place: number): Value | undefined {
  const [a, b] = [mine.inputs[place]!, theirs.inputs[place]!];
  if (!sameShape(a.shape, b.shape)) return undefined;
  const numbers = a.values!;
  const differing = [...numbers.keys()].filter((k) => !Object.is(numbers[k], b.values![k]));
  if (differing.length === 0) return a;
  if (!(numbers instanceof Int32Array)) return undefined;
  // A reshape finds one size by itself, and a slice that begins at the front may go to the end.
  const start = mine.name === "SLICE" && place === 2 ? mine.inputs[1]!.values! : undefined;
  const known = mine.name === "RESHAPE" || (start && differing.every((k) => start[k] === 0));
  if (!known || differing.length > 1) return undefined;
  return { ...a, values: numbers.map((value, k) => (differing.includes(k) ? -1 : value)) };
}

/** Whether the numbers that an operation is told beside its operands are the same. */
const toldAlike = ({ options }: Operation, theirs: Operation) =>
  options.every((option, place) => {
    const other = theirs.options[place];
    return option?.kind === other?.kind && numberOf(option) === numberOf(other);
  });

/**
 * The same network for any batch, with sizes as they are for `batchSize` examples; undefined where its constants depend on
 * the batch. What goes with the batch is −1 in signatures, and where operations take a shape.
 */
export function atAnyBatch(two: Translation, three: Translation, batchSize: number): Translation | undefined {
  if (two.operations.length !== three.operations.length) return undefined;
  const become = new Map<Value, Value>();
  const resized = (a: Value, b: Value) => {
    const along = (shape: Shape, of: (size: number, growth: number) => number) =>
      shape.map((size, axis) => of(size, b.shape[axis]! - size));
    const value: Value = {
      ...a,
      shape: along(a.shape, (size, growth) => size + (batchSize - 2) * growth),
      signature: along(a.shape, (size, growth) => (growth === 0 ? size : -1)),
    };
    become.set(a, value);
    return value;
  };
  const input = resized(two.input, three.input);
  const operations: Operation[] = [];
  for (const [index, mine] of two.operations.entries()) {
    const theirs = three.operations[index]!;
    if (mine.name !== theirs.name || mine.inputs.length !== theirs.inputs.length) return undefined;
    if (!toldAlike(mine, theirs)) return undefined;
    const inputs: Value[] = [];
    for (const [place, operand] of mine.inputs.entries()) {
      const value = operand.values ? flexible(mine, theirs, place) : become.get(operand);
      if (!value) return undefined;
      inputs.push(value);
    }
    operations.push({ ...mine, inputs, output: resized(mine.output, theirs.output) });
  }
  return { operations, input, output: become.get(two.output)! };
}
