// A network of floats as one of 8-bit integers, by LiteRT's 8-bit quantization specification: activations with one scale and
// zero point a tensor, weights with a scale an output channel and no zero point, biases of 32 bits between the two.
import { FormatError } from "../core/errors.ts";
import type { Operation, Quantization, Span, Value } from "./network.ts";
import { rowOf } from "./schema.ts";
import type { Translation } from "./translate.ts";

/** How a network becomes one of integers. */
export interface Integration {
  /** Whether what goes in, and what comes out, are integers too. */
  readonly integerInput: boolean;
  readonly integerOutput: boolean;
  /** Whether operators without integers may compute with floats, between two conversions. */
  readonly floats: boolean;
  /** Whether a dense layer has a scale an output, as convolutions have, or one for all. */
  readonly denseByChannel: boolean;
}

/** What a span is without: −∞ in a maximum's padding says "nothing", and tells nothing of the others. */
const NOTHING = -1e38;
const LOW = -128;
const HIGH = 127;
/** Of the largest weight, so that its negative is there too. */
const LARGEST = 127;
/** A bias larger than this many steps does not fit 32 bits when products are added to it. */
const BIAS_STEPS = 2 ** 30;
/** No channel's steps are finer than this share of the coarsest: runtimes refuse multipliers below 2⁻³². */
const NARROWEST = 2 ** -16;

/** Scale and zero point for a span: zero is one of the integers. */
function quantizationOf({ min, max }: Span): Quantization {
  const [low, high] = [Math.min(0, min), Math.max(0, max)];
  const scale = Math.fround((high - low) / (HIGH - LOW)) || 1;
  const zeroPoint = Math.min(HIGH, Math.max(LOW, Math.round(LOW - low / scale)));
  return { scales: [scale], zeroPoint };
}

const limited = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
/** Halves away from zero, as LiteRT rounds. */
const rounded = (value: number) => Math.sign(value) * Math.round(Math.abs(value));

function spanOf(values: ArrayLike<number>): Span | undefined {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let k = 0; k < values.length; k++) {
    const value = values[k]!;
    if (value <= NOTHING) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? { min, max } : undefined;
}

const joined = (a: Span | undefined, b: Span | undefined): Span | undefined =>
  a && b ? { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) } : (a ?? b);

/** Values that must have the same scale and zero point, found from any of them. */
class Alike {
  readonly #parents = new Map<Value, Value>();
  readonly #spans = new Map<Value, Span | undefined>();
  /** What makes the values of a group: operators that choose, inputs and constants. */
  readonly #makers = new Map<Value, (Quantization | undefined)[]>();

  root(value: Value): Value {
    let at = value;
    while (this.#parents.has(at)) at = this.#parents.get(at)!;
    return at;
  }

  note(value: Value, made: Quantization | undefined): void {
    const root = this.root(value);
    this.#makers.set(root, [...(this.#makers.get(root) ?? []), made]);
    this.span(value, value.span);
  }

  span(value: Value, span: Span | undefined): void {
    const root = this.root(value);
    this.#spans.set(root, joined(this.#spans.get(root), span));
  }

  join(a: Value, b: Value): void {
    const [one, other] = [this.root(a), this.root(b)];
    if (one === other) return;
    this.#parents.set(other, one);
    this.#spans.set(one, joined(this.#spans.get(one), this.#spans.get(other)));
    this.#makers.set(one, [...(this.#makers.get(one) ?? []), ...(this.#makers.get(other) ?? [])]);
  }

  /** What integers of the group stand for: what the specification says of its only maker, else what its span wants. */
  of(value: Value): Quantization | undefined {
    const root = this.root(value);
    const makers = this.#makers.get(root) ?? [];
    if (makers.length === 1 && makers[0]) return makers[0];
    const span = this.#spans.get(root);
    return span && quantizationOf(span);
  }
}

/** What the specification says of an operator's result. */
function fixedOf({ name }: Operation): Quantization | undefined {
  const { integers } = rowOf(name);
  return typeof integers === "string" ? undefined : { scales: [integers[0]], zeroPoint: integers[1] };
}

function groupsOf({ operations, input }: Translation): Alike {
  const alike = new Alike();
  if (input.type === "float32") alike.note(input, undefined);
  for (const operation of operations) {
    const { name, inputs, output } = operation;
    if (output.type !== "float32") continue;
    alike.span(output, output.span);
    if (rowOf(name).integers !== "same") alike.note(output, fixedOf(operation));
    else
      for (const each of inputs) {
        if (each.type !== "float32") continue;
        // A constant may serve several: each has its own integers, but all tell what must be told apart.
        if (each.values) alike.span(output, spanOf(each.values));
        else alike.join(output, each);
      }
  }
  return alike;
}

const sameAs = (a: Quantization, b: Quantization) =>
  a.scales[0] === b.scales[0] && a.zeroPoint === b.zeroPoint;

/** Floats as integers of one scale. */
const integersOf = (values: Float32Array, { scales: [scale], zeroPoint }: Quantization) =>
  Int8Array.from(values, (value) => limited(rounded(value / scale!) + zeroPoint, LOW, HIGH));

/** A weight's axis of output channels. */
const channelAxis = ({ name }: Operation) => (name === "DEPTHWISE_CONV_2D" ? 3 : 0);

/** Weight and bias as integers, for an input's scale. */
function weights(operation: Operation, x: Quantization, byChannel: boolean): [Value, Value | undefined] {
  const at = operation.name === "TRANSPOSE_CONV" ? 3 : 2;
  const [weight, bias] = [operation.inputs[1]!, operation.inputs[at]];
  const axis = channelAxis(operation);
  const { shape, values } = weight as Value & { values: Float32Array };
  const n = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  /** Calls for each run of a channel's numbers that lie side by side. */
  const eachRun = (work: (channel: number, from: number, to: number) => void) => {
    for (let run = 0; run < values.length / inner; run++) work(run % n, run * inner, (run + 1) * inner);
  };
  const offsets = bias?.values;
  const wanted = Float64Array.from(
    { length: n },
    (_, k) => Math.abs(offsets?.[k] ?? 0) / x.scales[0]! / BIAS_STEPS,
  );
  eachRun((channel, from, to) => {
    for (let k = from; k < to; k++)
      wanted[channel] = Math.max(wanted[channel]!, Math.abs(values[k]!) / LARGEST);
  });
  const most = wanted.reduce((a, b) => Math.max(a, b)) || 1;
  const scales = Array.from(wanted, (scale) =>
    Math.fround(byChannel ? Math.max(scale, most * NARROWEST) : most),
  );
  const integers = new Int8Array(values.length);
  eachRun((channel, from, to) => {
    const scale = scales[channel]!;
    for (let k = from; k < to; k++) integers[k] = limited(rounded(values[k]! / scale), -LARGEST, LARGEST);
  });
  const whole = { scales: byChannel ? scales : scales.slice(0, 1), zeroPoint: 0, axis };
  const steps = scales.map((scale) => Math.fround(x.scales[0]! * scale));
  return [
    { ...weight, type: "int8", values: integers, quantization: whole },
    bias && {
      ...bias,
      type: "int32",
      values: Int32Array.from(offsets!, (offset, k) => rounded(offset / steps[k]!)),
      quantization: { scales: byChannel ? steps : steps.slice(0, 1), zeroPoint: 0, axis: 0 },
    },
  ];
}

/**
 * The same network with integers wherever there are ranges and operators for them.
 * @throws FormatError naming an operation that would compute with floats, unless it may.
 */
export function integrated(translation: Translation, how: Integration): Translation {
  const alike = groupsOf(translation);
  const operations: Operation[] = [];
  /** A value in either form, as far as it has been needed. */
  const [ints, floats] = [new Map<Value, Value>(), new Map<Value, Value>()];

  const convert = (name: "QUANTIZE" | "DEQUANTIZE", from: Value, to: Value) => {
    operations.push({ name, inputs: [from], output: to, options: [] });
    return to;
  };
  const asInteger = (value: Value, own: string, into = alike.of(value)!): Value => {
    const known = ints.get(value);
    if (known) return known;
    const made: Value = { ...value, name: value.name + own, type: "int8", quantization: into };
    ints.set(value, made);
    return made;
  };
  const integerOf = (value: Value, into?: Quantization): Value => {
    if (value.values instanceof Float32Array) {
      const quantization = into ?? quantizationOf(spanOf(value.values) ?? { min: 0, max: 0 });
      return { ...value, type: "int8", values: integersOf(value.values, quantization), quantization };
    }
    if (value.type !== "float32") return value;
    return ints.get(value) ?? convert("QUANTIZE", floats.get(value)!, asInteger(value, "/integers"));
  };
  const floatOf = (value: Value): Value => {
    if (value.values || value.type !== "float32") return value;
    const known = floats.get(value);
    if (known) return known;
    const made = { ...value, name: `${value.name}/floats` };
    floats.set(value, made);
    return convert("DEQUANTIZE", ints.get(value)!, made);
  };

  /** Whether there are integers for all operands. */
  const integral = ({ name, inputs, output }: Operation) => {
    const { integers } = rowOf(name);
    if (integers === "none" || output.type !== "float32") return false;
    const ranged = (value: Value) => !!value.values || value.type !== "float32" || !!alike.of(value);
    if (integers === "weights" && !(inputs[1]!.values instanceof Float32Array)) return false;
    return inputs.every(ranged) && ranged(output);
  };

  const place = (operation: Operation) => {
    const { name, inputs, output } = operation;
    if (!integral(operation)) {
      const computes = [...inputs, output].some(({ type, values }) => type === "float32" && !values);
      if (computes && !how.floats && rowOf(name).integers === "none") {
        throw new FormatError(
          `toTflite: ${output.name}: quantization: ${name} has no 8-bit integers in LiteRT, wanted fallback: "float32" to let it compute with floats`,
        );
      }
      if (computes && !how.floats) {
        throw new FormatError(
          `toTflite: ${output.name}: quantization: there is no range for it or its inputs, wanted one, or fallback: "float32"`,
        );
      }
      const taken = inputs.map(floatOf);
      floats.set(output, output);
      operations.push({ ...operation, inputs: taken });
      return;
    }
    const group = alike.of(output)!;
    const fixed = fixedOf(operation) ?? group;
    const { integers } = rowOf(name);
    let taken: Value[];
    if (integers === "weights") {
      const turned = name === "TRANSPOSE_CONV";
      const x = integerOf(inputs[turned ? 2 : 0]!);
      const byChannel = name !== "FULLY_CONNECTED" || how.denseByChannel;
      const [weight, bias] = weights(operation, x.quantization!, byChannel);
      taken = turned ? [inputs[0]!, weight, x, bias!] : [x, weight, bias!];
    } else taken = inputs.map((each) => integerOf(each, integers === "same" ? group : undefined));
    if (sameAs(fixed, group)) {
      operations.push({ ...operation, inputs: taken, output: asInteger(output, "") });
      return;
    }
    const own: Value = { ...output, name: `${output.name}/own`, type: "int8", quantization: fixed };
    operations.push({ ...operation, inputs: taken, output: own });
    convert("QUANTIZE", own, asInteger(output, ""));
  };

  const { input, output } = translation;
  if (input.type !== "float32" || !how.integerInput) floats.set(input, input);
  else if (alike.of(input)) asInteger(input, "");
  else
    throw new FormatError(
      `toTflite: input: quantization: got no range for the input, wanted one to give it integers`,
    );
  for (const operation of translation.operations) place(operation);
  const begin = input.type === "float32" && how.integerInput ? ints.get(input)! : input;
  const wanted = how.integerOutput && output.type === "float32";
  if (wanted && !alike.of(output))
    throw new FormatError(
      "toTflite: output: quantization: got no range for the output, wanted one to give it integers",
    );
  return { operations, input: begin, output: wanted ? integerOf(output) : floatOf(output) };
}
