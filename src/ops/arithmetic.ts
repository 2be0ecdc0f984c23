// Elementwise arithmetic, comparisons and elementary functions, all broadcasting.
import { broadcastShapes } from "../core/shape.ts";
import { scalarOf, Tensor } from "../graph/tensor.ts";
import {
  applyElementwise,
  elementwise,
  lift,
  type Parameters,
  type TensorLike,
  withGradientKernel,
} from "./elementwise.ts";

const addOp = elementwise("add", ({ dy }) => [dy, dy]);
const subOp = elementwise("sub", ({ dy, wants }) => [dy, wants(1) ? neg(dy) : undefined]);
const mulOp = elementwise("mul", ({ inputs: [a, b], dy, wants }) => [
  wants(0) ? mul(dy, b!) : undefined,
  wants(1) ? mul(dy, a!) : undefined,
]);
const divOp = elementwise("div", ({ inputs: [, b], outputs: [y], dy, wants }) => {
  const share = div(dy, b!);
  return [share, wants(1) ? neg(mul(share, y!)) : undefined];
});
const powOp = elementwise("pow", ({ inputs: [a, b], outputs: [y], dy, wants }) => [
  wants(0) ? mul(dy, mul(b!, pow(a!, sub(b!, 1)))) : undefined,
  wants(1) ? mul(dy, where(equal(a!, 0), 0, mul(y!, log(a!)))) : undefined,
]);
/** Equal operands share the gradient, as in PyTorch. */
const extreme = (name: string, first: (a: Tensor, b: Tensor) => Tensor) =>
  elementwise(name, ({ inputs: [a, b], dy }) => {
    const half = mul(equal(a!, b!), 0.5);
    return [mul(dy, add(first(a!, b!), half)), mul(dy, add(first(b!, a!), half))];
  });
const maximumOp = extreme("maximum", (a, b) => greater(a, b));
const minimumOp = extreme("minimum", (a, b) => less(a, b));

const equalOp = elementwise("equal", "none");
const notEqualOp = elementwise("notEqual", "none");
const greaterOp = elementwise("greater", "none");
const greaterEqualOp = elementwise("greaterEqual", "none");
const lessOp = elementwise("less", "none");
const lessEqualOp = elementwise("lessEqual", "none");
const whereOp = elementwise("where", ({ inputs: [condition], dy, wants }) => [
  undefined,
  wants(1) ? where(condition!, dy, 0) : undefined,
  wants(2) ? where(condition!, 0, dy) : undefined,
]);

const negOp = elementwise("neg", ({ dy }) => [neg(dy)]);
const absOp = withGradientKernel("abs", "input", "flat");
const signOp = elementwise("sign", () => [undefined]);
const squareOp = withGradientKernel("square", "input", (gradient, dy) => mul(mul(gradient, dy), 2));
const sqrtOp = withGradientKernel("sqrt", "output", (gradient, dy, y) =>
  mul(mul(gradient, dy), mul(square(reciprocal(y)), -0.5)),
);
const rsqrtOp = withGradientKernel("rsqrt", "output", (gradient, dy, y) =>
  mul(mul(gradient, dy), mul(square(y), -1.5)),
);
const reciprocalOp = withGradientKernel("reciprocal", "output", (gradient, dy, y) =>
  mul(mul(gradient, dy), mul(y, -2)),
);
const expOp = elementwise("exp", ({ outputs: [y], dy }) => [mul(dy, y!)]);
const logOp = elementwise("log", ({ inputs: [x], dy }) => [div(dy, x!)]);
const sinOp = elementwise("sin", ({ inputs: [x], dy }) => [mul(dy, cos(x!))]);
const cosOp = elementwise("cos", ({ inputs: [x], dy }) => [neg(mul(dy, sin(x!)))]);
/** 4 / √π. */
const ERF_BEND = 2.256758334191025;
const erfOp = withGradientKernel("erf", "input", (gradient, dy, x) =>
  mul(mul(gradient, dy), mul(mul(x, -ERF_BEND), exp(neg(square(x))))),
);
const floorOp = elementwise("floor", () => [undefined]);
const ceilOp = elementwise("ceil", () => [undefined]);
const roundOp = elementwise("round", () => [undefined]);
const clampOp = withGradientKernel("clamp", "input", "flat");

/** The number that an operand is, if it is one and known. */
const known = (x: TensorLike) => (typeof x === "number" ? x : x instanceof Tensor ? scalarOf(x) : undefined);

const on = (op: ReturnType<typeof elementwise>, ...operands: TensorLike[]) => applyElementwise(op, operands);
const withParameters = (op: ReturnType<typeof elementwise>, x: Tensor, parameters: Parameters) =>
  applyElementwise(op, [x], parameters);

/** a + b, broadcasting. @example add(x, bias) */
export const add = (a: TensorLike, b: TensorLike): Tensor => on(addOp, a, b);
/** a − b, broadcasting. */
export const sub = (a: TensorLike, b: TensorLike): Tensor => on(subOp, a, b);
/** a · b element by element, broadcasting. */
export function mul(a: TensorLike, b: TensorLike): Tensor {
  // Gradients begin with a one and means with a factor: what is known is not computed.
  const [x, y] = lift("mul", a, b) as [Tensor, Tensor];
  const [p, q] = [known(x), known(y)];
  if (p !== undefined && q !== undefined) {
    return x.graph.constant([Math.fround(p * q)], broadcastShapes("mul", x.shape, y.shape));
  }
  if (p === 1 && x.rank <= y.rank) return y;
  if (q === 1 && y.rank <= x.rank) return x;
  return on(mulOp, x, y);
}
/** a / b, broadcasting. */
export const div = (a: TensorLike, b: TensorLike): Tensor => on(divOp, a, b);
/** a to the power b, broadcasting. */
export const pow = (a: TensorLike, b: TensorLike): Tensor => on(powOp, a, b);
/** The larger of a and b; equal ones share the gradient. NaN wins. */
export const maximum = (a: TensorLike, b: TensorLike): Tensor => on(maximumOp, a, b);
/** The smaller of a and b; equal ones share the gradient. NaN wins. */
export const minimum = (a: TensorLike, b: TensorLike): Tensor => on(minimumOp, a, b);
/** 1 where a = b, else 0. */
export const equal = (a: TensorLike, b: TensorLike): Tensor => on(equalOp, a, b);
/** 1 where a ≠ b, else 0. */
export const notEqual = (a: TensorLike, b: TensorLike): Tensor => on(notEqualOp, a, b);
/** 1 where a > b, else 0. */
export const greater = (a: TensorLike, b: TensorLike): Tensor => on(greaterOp, a, b);
/** 1 where a ≥ b, else 0. */
export const greaterEqual = (a: TensorLike, b: TensorLike): Tensor => on(greaterEqualOp, a, b);
/** 1 where a < b, else 0. */
export const less = (a: TensorLike, b: TensorLike): Tensor => on(lessOp, a, b);
/** 1 where a ≤ b, else 0. */
export const lessEqual = (a: TensorLike, b: TensorLike): Tensor => on(lessEqualOp, a, b);
/** a where the condition is not 0, else b. */
export const where = (condition: TensorLike, a: TensorLike, b: TensorLike): Tensor =>
  on(whereOp, condition, a, b);
/** −x. */
export const neg = (x: Tensor): Tensor => on(negOp, x);
/** |x|; its gradient at 0 is 0. */
export const abs = (x: Tensor): Tensor => on(absOp, x);
/** −1, 0 or 1; its gradient is 0 everywhere. */
export const sign = (x: Tensor): Tensor => on(signOp, x);
/** x². */
export const square = (x: Tensor): Tensor => on(squareOp, x);
/** √x. */
export const sqrt = (x: Tensor): Tensor => on(sqrtOp, x);
/** 1 / √x. */
export const rsqrt = (x: Tensor): Tensor => on(rsqrtOp, x);
/** 1 / x. */
export const reciprocal = (x: Tensor): Tensor => on(reciprocalOp, x);
/** eˣ. */
export const exp = (x: Tensor): Tensor => on(expOp, x);
/** Natural logarithm. */
export const log = (x: Tensor): Tensor => on(logOp, x);
/** Sine of x in radians. */
export const sin = (x: Tensor): Tensor => on(sinOp, x);
/** Cosine of x in radians. */
export const cos = (x: Tensor): Tensor => on(cosOp, x);
/** The error function. */
export const erf = (x: Tensor): Tensor => on(erfOp, x);
/** The largest integer not above x; its gradient is 0. */
export const floor = (x: Tensor): Tensor => on(floorOp, x);
/** The smallest integer not below x; its gradient is 0. */
export const ceil = (x: Tensor): Tensor => on(ceilOp, x);
/** The nearest integer, halves to even; its gradient is 0. */
export const round = (x: Tensor): Tensor => on(roundOp, x);
/** x held between low and high; the gradient passes inside and at the limits, as in PyTorch. */
export const clamp = (x: Tensor, low: number, high: number): Tensor =>
  withParameters(clampOp, x, [low, high]);
