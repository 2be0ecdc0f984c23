// What ONNX trains with: its optimizers, by their own definitions (ONNX's Adam is not PyTorch's: ε stands beside the root
// of what is not corrected, and step 0 corrects nothing).

import type { Tensor } from "../../../graph/tensor.ts";
import { add, div, mul, sqrt, square, sub } from "../../../ops/arithmetic.ts";
import type { Call, Operator } from "../call.ts";

/** What an optimizer makes of one tensor: what it is next, and its state. */
type Rule = (call: Call, rate: Tensor, step: number, tensors: readonly Tensor[]) => readonly Tensor[];

/** The gradient with that of the penalty. */
const regularized = (call: Call, x: Tensor, gradient: Tensor): Tensor =>
  add(gradient, mul(x, call.float("norm_coefficient", 0)));

const adagrad: Rule = (call, rate, step, [x, gradient, sums]) => {
  const g = regularized(call, x!, gradient!);
  const next = add(sums!, square(g));
  const own = mul(rate, 1 / (1 + step * call.float("decay_factor", 0)));
  return [sub(x!, div(mul(own, g), add(sqrt(next), call.float("epsilon", 1e-6)))), next];
};

const momentum: Rule = (call, rate, step, [x, gradient, before]) => {
  const g = regularized(call, x!, gradient!);
  const alpha = call.float("alpha");
  const next = add(mul(before!, alpha), mul(g, step > 0 ? call.float("beta") : 1));
  const isNesterov = call.choice("mode", ["standard", "nesterov"], "standard") === "nesterov";
  return [sub(x!, mul(rate, isNesterov ? add(g, mul(next, alpha)) : next)), next];
};

const adam: Rule = (call, rate, step, [x, gradient, mean, squares]) => {
  const g = regularized(call, x!, gradient!);
  const [alpha, beta] = [call.float("alpha", 0.9), call.float("beta", 0.999)];
  const v = add(mul(mean!, alpha), mul(g, 1 - alpha));
  const h = add(mul(squares!, beta), mul(square(g), 1 - beta));
  const own = step > 0 ? mul(rate, Math.sqrt(1 - beta ** step) / (1 - alpha ** step)) : rate;
  const next = sub(x!, div(mul(own, v), add(sqrt(h), call.float("epsilon", 1e-6))));
  return [mul(next, 1 - call.float("norm_coefficient_post", 0)), v, h];
};

/** Rate and step, then all tensors, all gradients and all of each state; results in that order, without gradients. */
const optimizer =
  (rule: Rule, parts: number): Operator =>
  (call) => {
    const [rate, step] = [call.tensor(0), call.number(1)];
    const rest = call
      .all()
      .slice(2)
      .map(({ tensor }) => tensor);
    const count = rest.length / parts;
    if (!Number.isInteger(count) || count < 1)
      throw call.fail("inputs", rest.length, `a multiple of ${parts}`);
    const groups = Array.from({ length: count }, (_, k) =>
      rule(
        call,
        rate,
        step,
        Array.from({ length: parts }, (_, part) => rest[part * count + k]!),
      ),
    );
    return groups[0]!.flatMap((_, part) => groups.map((group) => call.value(group[part]!)));
  };

export const training: Readonly<Record<string, Operator>> = {
  Adagrad: optimizer(adagrad, 3),
  Momentum: optimizer(momentum, 3),
  Adam: optimizer(adam, 4),
};
