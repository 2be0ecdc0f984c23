// A node as an operator sees it: its inputs, its attributes with their defaults, and errors that say where.
import { FormatError } from "../../core/errors.ts";
import { type Shape, showShape, sizeOf } from "../../core/shape.ts";
import { quote } from "../../formats/json.ts";
import type { Graph, Tensor } from "../../graph/tensor.ts";
import type { FileAttribute, FileGraph, FileNode } from "./file.ts";
import { FLOAT, INT64, isFloat, type Numbers, roomFor, typeOf } from "./numbers.ts";
import { type Tracing, Value } from "./value.ts";

/** What operators know of the whole. */
export interface Scope extends Tracing {
  readonly graph: Graph;
  readonly opset: number;
  /** Examples of the file's input, where it says how many, and of the trace; undefined: it is no model's. */
  readonly batch?: { readonly file: number | undefined; readonly now: number } | undefined;
  /** Counts numbers that are computed at import. @throws FormatError beyond the limit. */
  spend(where: string, count: number): void;
  /** State that training renews, by its initializer; undefined where it has none or does not change. */
  state(value: Value): Tensor | undefined;
}

/** Numbers of a node's outputs, in order. */
export type Operator = (call: Call) => Value | readonly (Value | undefined)[];

/** A graph inside a node: how many values it takes and gives, and what it makes of some. */
export interface Body {
  readonly inputs: number;
  readonly outputs: number;
  readonly run: (inputs: readonly Value[]) => readonly Value[];
}

/** Places of all windows along an axis. */
const PLACES = 2 ** 23;

export class Call {
  readonly scope: Scope;
  readonly node: FileNode;
  readonly inputs: readonly (Value | undefined)[];
  readonly #bodyOf: (graph: FileGraph) => Body;

  constructor(
    scope: Scope,
    node: FileNode,
    inputs: readonly (Value | undefined)[],
    bodyOf: (graph: FileGraph) => Body,
  ) {
    this.scope = scope;
    this.node = node;
    this.inputs = inputs;
    this.#bodyOf = bodyOf;
  }

  get opset(): number {
    return this.scope.opset;
  }
  get graph(): Graph {
    return this.scope.graph;
  }

  fail(what: string, got: unknown, wanted: string): FormatError {
    return new FormatError(`onnx: ${this.node.place}: ${what}: got ${got}, wanted ${wanted}`);
  }

  /** The error for what a file may say and this reader does not take. */
  unsupported(what: string): FormatError {
    return new FormatError(`onnx: ${this.node.place}: ${what} is not supported`);
  }

  /** Whether anybody may want an output. */
  wants(output: number): boolean {
    return Boolean(this.node.outputs[output]);
  }

  has(input: number): boolean {
    return this.inputs[input] !== undefined;
  }

  input(index: number): Value {
    const value = this.inputs[index];
    if (!value) throw this.fail("inputs", `no input ${index}`, "it");
    return value;
  }

  /** All inputs, none left out; so many of them, or any number. */
  all(count?: number): readonly Value[] {
    const { length } = this.inputs;
    if (length === 0 || (count !== undefined && length !== count))
      throw this.fail("inputs", length, `${count ?? "one or more"}`);
    return this.inputs.map((_, index) => this.input(index));
  }

  tensor(index: number): Tensor {
    return this.input(index).tensor;
  }

  /** Numbers that must be known at import. */
  numbers(index: number): Numbers {
    const { numbers } = this.input(index);
    if (!numbers) throw this.unsupported(`input ${index} that is known only while running`);
    return numbers;
  }

  /** A list of whole numbers: an input that is known at import. Infinities stand for what is beyond 2^53. */
  list(index: number): number[] {
    const { type } = this.input(index);
    if (isFloat(type)) throw this.fail(`input ${index}`, this.input(index), "whole numbers");
    return [...this.numbers(index)];
  }

  /** One number: an input that is known at import, or what stands for one that is left out. */
  number(index: number, fallback?: number): number {
    if (fallback !== undefined && !this.has(index)) return fallback;
    const numbers = this.numbers(index);
    if (numbers.length !== 1) throw this.fail(`input ${index}`, this.input(index), "one number");
    return numbers[0]!;
  }

  #attribute(name: string): FileAttribute | undefined {
    const attribute = this.node.attributes.get(name);
    if (attribute?.other) throw this.unsupported(`attribute ${name}: ${attribute.other}`);
    return attribute;
  }

  #wanted<T>(name: string, value: T | undefined, kind: string): T {
    if (value !== undefined) return value;
    throw this.fail(`attribute ${name}`, this.node.attributes.has(name) ? "another type" : "none", kind);
  }

  float(name: string, fallback?: number): number {
    const attribute = this.#attribute(name);
    return this.#wanted(name, attribute ? attribute.float : fallback, "a float");
  }

  integer(name: string, fallback?: number): number {
    const attribute = this.#attribute(name);
    const value = this.#wanted(name, attribute ? attribute.integer : fallback, "a whole number");
    if (!Number.isSafeInteger(value)) throw this.fail(`attribute ${name}`, value, "one within ±(2^53 − 1)");
    return value;
  }

  /** An element type. @throws FormatError for one that is not known. */
  elementType(name: string, fallback?: number): number {
    // 0 stands for none.
    const type = this.integer(name, fallback) || fallback!;
    typeOf(`onnx: ${this.node.place}`, type);
    return type;
  }

  string(name: string, fallback?: string): string {
    const attribute = this.#attribute(name);
    return this.#wanted(name, attribute ? attribute.string : fallback, "a text");
  }

  /** One of some texts. */
  choice<T extends string>(name: string, known: readonly T[], fallback: T): T {
    const value = this.string(name, fallback);
    if (!known.includes(value as T)) throw this.unsupported(`${name} ${quote(value)}`);
    return value as T;
  }

  /** Whole numbers; an attribute that is missing is the fallback. */
  integers(name: string): number[] | undefined;
  integers(name: string, fallback: readonly number[]): number[];
  integers(name: string, fallback?: readonly number[]): number[] | undefined {
    return this.#attribute(name)?.integers ?? (fallback && [...fallback]);
  }

  floats(name: string): number[] | undefined {
    return this.#attribute(name)?.floats;
  }

  strings(name: string): string[] | undefined {
    return this.#attribute(name)?.strings;
  }

  attribute(name: string): FileAttribute | undefined {
    return this.#attribute(name);
  }

  /** A graph inside, which takes and gives so many values. */
  body(name: string, inputs: number, outputs: number): Body {
    const body = this.#bodyOf(this.#wanted(name, this.#attribute(name)?.graph, "a graph"));
    if (body.inputs !== inputs || body.outputs !== outputs)
      throw this.fail(
        `attribute ${name}`,
        `${body.inputs} inputs and ${body.outputs} outputs`,
        `${inputs} and ${outputs}`,
      );
    return body;
  }

  /** Whole numbers that newer opsets have as an input and older ones as an attribute. */
  moved(name: string, index: number): number[] | undefined {
    if (this.has(index)) return this.list(index);
    return this.integers(name);
  }

  /** An axis from 0 on, of -rank … rank − 1. */
  axis(axis: number, rank: number): number {
    const at = axis < 0 ? axis + rank : axis;
    if (!(Number.isInteger(at) && at >= 0 && at < rank))
      throw this.fail("axis", axis, `${-rank} to ${rank - 1}`);
    return at;
  }

  /** Where the axes are cut in two: behind all of them too. */
  cut(axis: number, rank: number): number {
    return axis === rank ? rank : this.axis(axis, rank);
  }

  axes(axes: readonly number[], rank: number): number[] {
    const list = axes.map((axis) => this.axis(axis, rank));
    if (new Set(list).size < list.length) throw this.fail("axes", showShape(axes), "each once");
    return list;
  }

  /** A size, as it stands in a list. */
  size(what: string, size: number): number {
    if (!(Number.isSafeInteger(size) && size >= 0)) throw this.fail(what, size, "a size from 0 on");
    return size;
  }

  /** Counts what is computed at import. */
  spend(shape: Shape): number {
    const size = sizeOf(shape);
    this.scope.spend(this.node.place, size);
    return size;
  }

  /** Bounds the places that a table of windows has: each is reckoned by the host. */
  reckon(count: number): void {
    if (!(count <= PLACES)) throw this.fail("windows", count, `at most ${PLACES} places`);
  }

  /** A value of numbers. */
  known(shape: Shape, numbers: ArrayLike<number>, type = INT64): Value {
    const own = numbers instanceof Float32Array || numbers instanceof Float64Array;
    const store =
      own && isFloat(type) === numbers instanceof Float32Array ? numbers : roomFor(type, numbers.length);
    if (store !== numbers) store.set(numbers);
    return new Value(this.scope, shape, { type, numbers: store });
  }

  /** A value of a tensor that lies as the file has it. */
  value(first: Tensor, type = this.inputs[0]?.type ?? FLOAT): Value {
    return new Value(this.scope, first.shape, { type, first });
  }

  /** A value of a tensor channels last. */
  images(last: Tensor, type = this.inputs[0]?.type ?? FLOAT): Value {
    const { rank } = last;
    const shape = [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, k) => k + 1)].map(
      (axis) => last.shape[axis]!,
    );
    return new Value(this.scope, shape, { type, last });
  }
}
