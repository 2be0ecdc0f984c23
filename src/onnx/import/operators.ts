// The operators that are read: a table of functions, by family and by name.
import type { Operator } from "./call.ts";
import { activations } from "./operators/activation.ts";
import { constants } from "./operators/constants.ts";
import { control } from "./operators/control.ts";
import { convolutions } from "./operators/convolution.ts";
import { elementwise } from "./operators/elementwise.ts";
import { gathering } from "./operators/gathering.ts";
import { losses } from "./operators/losses.ts";
import { movement } from "./operators/movement.ts";
import { normalization } from "./operators/normalization.ts";
import { paddings } from "./operators/padding.ts";
import { products } from "./operators/products.ts";
import { quantized } from "./operators/quantized.ts";
import { recurrents } from "./operators/recurrent.ts";
import { reducing } from "./operators/reductions.ts";
import { resizing } from "./operators/resizing.ts";
import { selection } from "./operators/selection.ts";
import { training } from "./operators/training.ts";

/** Families of ONNX's own domain. */
export const families: Readonly<Record<string, Readonly<Record<string, Operator>>>> = {
  "arithmetic, comparisons, logic": elementwise,
  "activations and functions of one number": activations,
  products,
  "convolutions and pools": convolutions,
  "normalization, softmax, dropout": normalization,
  reductions: reducing,
  "shapes and movement": { ...movement, ...selection, ...paddings },
  constants,
  "by integers": gathering,
  resizing,
  recurrences: recurrents,
  "graphs inside nodes": control,
  quantized,
  losses,
};

/** Operators by domain. */
const domains: ReadonlyMap<string, ReadonlyMap<string, Operator>> = new Map([
  ["", new Map(Object.values(families).flatMap((family) => Object.entries(family)))],
  ["ai.onnx.preview.training", new Map(Object.entries(training))],
]);

/** The function of an operator, if it is read. */
export const operatorOf = (domain: string, name: string): Operator | undefined =>
  domains.get(domain)?.get(name);

/** Names of a domain's operators that are read. */
export const operatorsOf = (domain: string): readonly string[] =>
  [...(domains.get(domain)?.keys() ?? [])].sort();
