// A frozen model with stored weights in the place of its parameters: integers where it multiplies integers, else floats.
// It is loaded when a model is quantized or predicts.

import { nodesOf } from "../graph/rewrite.ts";
import { Graph, type Node, type Tensor } from "../graph/tensor.ts";
import { type Frozen, named } from "../inference/frozen.ts";
import type { Windows } from "../ops/patches.ts";
import { dequantizeLinear, quantizedMatmul, quantizeLinear } from "../ops/quantized.ts";
import { quantizedConvolution } from "../ops/quantized-convolution.ts";
import { dynamicQuantizedMatmul, int4Matmul } from "../ops/quantized-floats.ts";
import type { QuantizedOutput } from "../ops/quantized-panels.ts";
import { quantizedRecurrence } from "../ops/quantized-recurrence.ts";
import type { Recurrence } from "../ops/recurrence.ts";
import { reshape } from "../ops/reshape.ts";
import type { Ranges } from "./calibrate.ts";
import { type Division, divide, multipliesBytes } from "./integers.ts";
import { type Affine, affineOf, integerOf, LARGEST } from "./numbers.ts";
import { asMatrix, constantOf, matrixOf, type Weight, weightOf } from "./products.ts";
import { formsOf, restore, type Stored } from "./stored.ts";

/** Blocks that the engine multiplies by without making floats of them. */
const ENGINE_BLOCK = 32;

/** All that a quantized model knows beside the model that it was made from. */
export interface Plan {
  /** By the names of the frozen model. */
  readonly stored: ReadonlyMap<string, Stored>;
  readonly activations: "int8" | "dynamic" | "float";
  readonly blockSize: number;
  /** Where activations are integers: their ranges. */
  readonly ranges: Ranges;
}

/** A frozen model by a plan. */
export interface Rewritten {
  readonly frozen: Frozen;
  /** Products whose weights are stored in fewer bits, the tensor that each makes in the end, and what its input's integers stand for. */
  readonly layers: readonly {
    readonly node: Node;
    readonly result: Tensor;
    readonly input: Affine | undefined;
  }[];
  /** What has become of a tensor, as floats. */
  floatsOf(tensor: Tensor): Tensor;
}

class Rewriter {
  readonly graph = new Graph("predict");
  readonly #frozen: Frozen;
  readonly #plan: Plan;
  readonly division: Division;
  readonly #forms: ReturnType<typeof formsOf>;
  readonly #floats = new Map<Tensor, Tensor>();
  readonly #bytes = new Map<Tensor, Tensor>();

  constructor(frozen: Frozen, plan: Plan) {
    this.#frozen = frozen;
    this.#plan = plan;
    this.#forms = formsOf(frozen);
    const candidates = frozen.nodes.filter(
      (node) => multipliesBytes(node) && this.#storedOf(weightOf(node)!.tensor)?.type === "int8",
    );
    this.division = divide(frozen, plan.ranges, plan.activations === "int8" ? candidates : []);
  }

  run(): Rewritten {
    const { nodes, input, output } = this.#frozen;
    this.#floats.set(input, this.graph.input("input", input.shape, input.dtype));
    const layers = nodes.flatMap((node) => {
      if (!node.op) return [];
      this.#rewrite(node);
      const weight = weightOf(node);
      if (!weight || (this.#storedOf(weight.tensor)?.type ?? "f32") === "f32") return [];
      const { products, fused } = this.division;
      const result = fused.get(node)?.to ?? node.outputs[0]!;
      return [{ node, result, input: products.has(node) ? this.#affineOf(node.inputs[0]!) : undefined }];
    });
    const result = this.#float(output);
    const kept = nodesOf(result);
    const { graph } = this;
    const frozen = {
      graph,
      input: graph.inputs.get("input")!,
      output: result,
      nodes: kept,
      names: named(kept),
    };
    return { frozen, layers, floatsOf: (tensor) => this.#float(tensor) };
  }

  #storedOf(tensor: Tensor): Stored | undefined {
    return this.#plan.stored.get(this.#frozen.names.get(tensor)!);
  }

  #affineOf(tensor: Tensor): Affine {
    return affineOf(this.division.rangeOf(tensor));
  }

  /** The floats of a tensor. */
  #float(tensor: Tensor): Tensor {
    let known = this.#floats.get(tensor);
    if (!known) {
      const bytes = this.#bytes.get(tensor);
      known = bytes ? dequantizeLinear(bytes, this.#affineOf(tensor)) : this.#constant(tensor);
      this.#floats.set(tensor, known);
    }
    return known;
  }

  #constant(tensor: Tensor): Tensor {
    return this.graph.constant(this.#numbersOf(tensor), tensor.shape, constantOf(tensor)!.name);
  }

  /** The numbers of a constant, as they are stored. */
  #numbersOf(tensor: Tensor): Float32Array {
    const stored = this.#storedOf(tensor);
    const form = this.#forms.get(this.#frozen.names.get(tensor)!);
    return stored ? restore(stored, form!.axis, this.#plan.blockSize) : constantOf(tensor)!.values;
  }

  /** The bytes of a tensor. */
  #byte(tensor: Tensor): Tensor {
    let known = this.#bytes.get(tensor);
    if (!known) {
      known = quantizeLinear(this.#float(tensor), this.#affineOf(tensor));
      this.#bytes.set(tensor, known);
    }
    return known;
  }

  #rewrite(node: Node): void {
    const { op, inputs, outputs, attributes } = node;
    const [y] = outputs as [Tensor];
    const before = this.division.absorbed.get(y);
    const small = this.#small(node) ?? this.#recur(node);
    if (before) this.#bytes.set(y, this.#bytes.get(before)!);
    else if (this.division.products.has(node)) this.#multiply(node);
    else if (this.division.said.has(node)) this.#say(node);
    else if (small) this.#floats.set(y, small);
    else {
      const floats = inputs.map((input) => this.#float(input));
      const made = this.graph.apply(op!, floats, attributes);
      for (const [index, tensor] of outputs.entries()) this.#floats.set(tensor, made[index]!);
    }
  }

  /** What the bytes stand for in which a node ends, and the bounds of its activation. */
  #outputOf(node: Node): QuantizedOutput {
    const { to, bounds } = this.division.fused.get(node) ?? { to: node.outputs[0]! };
    const affine = this.#affineOf(to);
    const end = (bound: number | undefined, otherwise: number) =>
      bound !== undefined && Number.isFinite(bound) ? integerOf(bound, affine) : otherwise;
    return { ...affine, least: end(bounds?.[0], 0), most: end(bounds?.[1], LARGEST) };
  }

  /** A product of bytes. */
  #multiply({ op, inputs: [x, weight, bias], outputs: [y], attributes }: Node): void {
    const asBytes = this.division.bytes.has(y!);
    const { values, scales } = this.#storedOf(weight!) as Stored & { readonly type: "int8" };
    const options = {
      input: this.#affineOf(x!),
      weightScales: scales,
      ...(bias && { bias: this.#numbersOf(bias) as Float32Array<ArrayBuffer> }),
      ...(asBytes && { output: this.#outputOf(y!.node) }),
    };
    const bytes = this.#byte(x!);
    if (op!.name === "convolution") {
      const { windows, size } = attributes as { readonly windows: Windows; readonly size: readonly number[] };
      const { stride, dilation, groups, before } = windows;
      const shape = weight!.shape as readonly [number, number, number, number];
      // What is behind the image follows from the number of windows; it may be less than none.
      const sides = (axis: 0 | 1) => {
        const span = (size[axis]! - 1) * stride[axis] + (shape[axis] - 1) * dilation[axis] + 1;
        return [before[axis], Math.max(0, span - before[axis] - x!.shape[axis + 1]!)] as const;
      };
      const padding = [sides(0), sides(1)] as const;
      const made = quantizedConvolution(bytes, values, {
        ...options,
        shape,
        stride,
        dilation,
        groups,
        padding,
      });
      (asBytes ? this.#bytes : this.#floats).set(y!, made);
      return;
    }
    const matrix = asMatrix(values, matrixOf(weight!.shape, weightOf(y!.node)!.axis));
    (asBytes ? this.#bytes : this.#floats).set(y!, quantizedMatmul(bytes, matrix, options));
  }

  /** What is no product, on bytes. */
  #say(node: Node): void {
    const made = this.division.said.get(node)!.say({
      node,
      graph: this.graph,
      output: this.#outputOf(node),
      affineOf: (tensor) => this.#affineOf(tensor),
      bytesOf: (tensor) => this.#byte(tensor),
      floatsOf: (tensor) => this.#float(tensor),
      numbersOf: (tensor) => this.#numbersOf(tensor),
    });
    this.#bytes.set(node.outputs[0]!, reshape(made, node.outputs[0]!.shape));
  }

  /** A product of floats by a weight that stays small. */
  #small(node: Node): Tensor | undefined {
    if (!/^(matmul|batchMatmul)$/.test(node.op!.name) || !multipliesBytes(node)) return undefined;
    const { tensor, axis } = weightOf(node) as Weight;
    const stored = this.#storedOf(tensor);
    const [x, , bias] = node.inputs;
    const added = bias && (this.#numbersOf(bias) as Float32Array<ArrayBuffer>);
    const matrix = matrixOf(tensor.shape, axis);
    const { activations, blockSize } = this.#plan;
    if (stored?.type === "int8" && activations === "dynamic") {
      return dynamicQuantizedMatmul(this.#float(x!), asMatrix(stored.values, matrix), {
        weightScales: stored.scales,
        bias: added,
      });
    }
    if (stored?.type === "int4" && blockSize === ENGINE_BLOCK) {
      const { packed: bytes, scales } = stored;
      return int4Matmul(this.#float(x!), { shape: [matrix.k, matrix.n], bytes, scales }, added);
    }
    return undefined;
  }

  /** A recurrence whose state is multiplied as bytes: one that begins from zeros, of a cell that holds it in −1 … 1. */
  #recur({ op, inputs: [x, weight, ...rest], attributes }: Node): Tensor | undefined {
    if (op!.name !== "recurrence" || this.#plan.activations === "float") return undefined;
    const stored = this.#storedOf(weight!);
    const how = attributes as Recurrence & Record<"bias" | "state" | "mask", boolean>;
    const { cell } = how;
    const bias = how.bias ? rest[0]! : undefined;
    if (stored?.type !== "int8" || cell === "rnnRelu" || how.state || (bias && !constantOf(bias)))
      return undefined;
    return quantizedRecurrence(
      { x: this.#float(x!), mask: how.mask ? this.#float(rest.at(-1)!) : undefined },
      {
        ...how,
        cell,
        weight: stored.values,
        weightScales: stored.scales,
        bias: bias && (this.#numbersOf(bias) as Float32Array<ArrayBuffer>),
      },
    );
  }
}

/** The ranges that a plan makes use of. */
export function usedRanges(frozen: Frozen, plan: Plan): Ranges {
  const { bytes } = new Rewriter(frozen, plan).division;
  const used = new Set([...bytes].map((tensor) => frozen.names.get(tensor)!));
  return new Map([...plan.ranges].filter(([name]) => used.has(name)));
}

/** A frozen model as a plan has it. */
export const rewritten = (frozen: Frozen, plan: Plan): Rewritten => new Rewriter(frozen, plan).run();
