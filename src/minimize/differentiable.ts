// A function written with ops as an objective: an engine gives its value, its gradient and Hessian-vector products.
import { compile } from "../compile/program.ts";
import { ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import type { LoadedProgram } from "../engine/loaded.ts";
import { Graph, type Tensor } from "../graph/tensor.ts";
import { mul } from "../ops/arithmetic.ts";
import { gradients } from "../ops/gradients.ts";
import { sum } from "../ops/reduce.ts";
import type { AsyncObjective } from "./objective.ts";

/** A scalar of a vector of n numbers, by ops. */
export type TensorFunction = (x: Tensor) => Tensor;

/** Options of {@link differentiable}. */
export interface DifferentiableOptions {
  /** Where to compute. Default: the process's own. */
  readonly engine?: Engine;
}

/** Programs for one length of the point. */
interface Prepared {
  readonly gradient: LoadedProgram;
  product: LoadedProgram | undefined;
}

/** Frees the programs of objectives that nobody holds any more. */
const abandoned = new FinalizationRegistry<Map<number, Prepared>>((programs) => {
  for (const { gradient, product } of programs.values()) {
    gradient.release();
    product?.release();
  }
});

function trace(f: TensorFunction, n: number, withProduct: boolean) {
  const graph = new Graph();
  const x = graph.input("x", [n]);
  const value = f(x);
  if (value.size !== 1)
    throw new ShapeError(`differentiable: wanted a scalar, got ${showShape(value.shape)}`);
  const zeros = () => graph.constant(new Float32Array(n), [n]);
  const slope = gradients(value, [x])[0] ?? zeros();
  const placements = new Map([[x, { region: "x", offset: 0 }]]);
  if (!withProduct) {
    placements.set(value, { region: "value", offset: 0 }).set(slope, { region: "gradient", offset: 0 });
    return compile({ graph, placements });
  }
  const v = graph.input("v", [n]);
  const product = gradients(sum(mul(slope, v)), [x])[0] ?? zeros();
  placements.set(v, { region: "v", offset: 0 }).set(product, { region: "product", offset: 0 });
  return compile({ graph, placements });
}

/** Gives a program a vector; one that it does not read has no place. */
function put(loaded: LoadedProgram, region: string, values: Float64Array): void {
  if (loaded.program.regions.has(region)) loaded.floats(region).set(values);
}

/**
 * An objective made of a function of tensors, for every method of `minimize`; it computes in 32-bit floats.
 * @throws ShapeError, when it is first asked, where the function does not give a scalar.
 * @throws OptionError naming the op, when a Hessian-vector product is asked for, where one is not twice differentiable,
 * and at once for an unknown option.
 * @example
 * const bowl = differentiable((x) => sum(square(sub(x, [3, -2]))));
 * const { point } = await minimize(bowl, [0, 0], lbfgs());
 */
export function differentiable(
  f: TensorFunction,
  options: DifferentiableOptions = {},
): Required<AsyncObjective> {
  checkOptions("differentiable", options, { engine: 0 });
  const programs = new Map<number, Prepared>();
  const engineOf = async () => options.engine ?? (await defaultEngine());
  const prepare = (engine: Engine, n: number): Prepared => {
    let known = programs.get(n);
    if (!known || known.gradient.engine !== engine) {
      known = { gradient: engine.load(trace(f, n, false)), product: undefined };
      programs.set(n, known);
    }
    return known;
  };
  const objective = {
    async value(point: Float64Array) {
      return (await objective.valueAndGradient(point)).value;
    },
    async valueAndGradient(point: Float64Array) {
      const engine = await engineOf();
      const { gradient: loaded } = prepare(engine, point.length);
      return engine.turn(async (run) => {
        put(loaded, "x", point);
        await run(loaded);
        return {
          value: loaded.floats("value")[0]!,
          gradient: loaded.floats("gradient", 0, point.length).slice(),
        };
      });
    },
    async hessianVector(point: Float64Array, vector: Float64Array) {
      const engine = await engineOf();
      const prepared = prepare(engine, point.length);
      prepared.product ??= engine.load(trace(f, point.length, true));
      const loaded = prepared.product;
      return engine.turn(async (run) => {
        put(loaded, "x", point);
        put(loaded, "v", vector);
        await run(loaded);
        return loaded.floats("product", 0, point.length).slice();
      });
    },
  };
  abandoned.register(objective, programs);
  return objective;
}
