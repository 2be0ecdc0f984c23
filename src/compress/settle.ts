// Makes weights again of what stands in their place: masks, scores and codebooks are gone when a training is over.
import type { Placement } from "../compile/emit.ts";
import { compile } from "../compile/program.ts";
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { sameShape, showShape } from "../core/shape.ts";
import { defaultEngine } from "../engine/default.ts";
import { Graph, type Tensor } from "../graph/tensor.ts";
import type { Model, RunOptions } from "../nn/model.ts";
import { Reparametrized, reparametrize } from "../nn/reparametrize.ts";
import type { ParameterValues } from "../nn/weights.ts";

/**
 * A model with the parameters of the one that is repeated, whose values are what stood for them: it predicts the same, and is
 * trained as the plain model is.
 * @throws OptionError where a parameter has another shape by now, and for a model that is plain already.
 * @example
 * const { model: scored } = movementPruning(model, { schedule: oneShotSparsity({ to: 0.5, at: 1 }) });
 * await scored.initialize();
 * const plain = await settle(scored);
 */
export async function settle(model: Reparametrized, options: RunOptions = {}): Promise<Model> {
  const { engine } = checkOptions("settle", options, { engine: 0 });
  if (!(model instanceof Reparametrized))
    throw new OptionError(
      "settle: wanted a model with other tensors in the place of its parameters, got another",
    );
  const { base } = model;
  const values = model.parameters();
  const graph = new Graph("predict");
  const made = model.instead(graph, {
    parameter: (...all) => graph.parameter(...all),
    state: (...all) => graph.state(...all),
  });
  const results = new Map<string, ParameterValues>();
  const computed: [string, Tensor][] = [];
  for (const { name, shape } of base.weights.segments) {
    const tensor = made.get(name);
    if (tensor && !sameShape(tensor.shape, shape))
      throw new OptionError(`settle: ${name}: got ${showShape(tensor.shape)}, wanted ${showShape(shape)}`);
    const source = tensor ? tensor.node.source : { kind: "parameter" as const, name };
    if (source?.kind === "parameter") results.set(name, values.get(source.name)!);
    else computed.push([name, tensor!]);
  }
  const where = engine ?? model.weights.engine ?? (await defaultEngine());
  const placements = new Map<Tensor, Placement>(model.place(graph));
  let end = 0;
  for (const [, tensor] of computed) {
    placements.set(tensor, { region: "output", offset: end });
    end += tensor.size * 4;
  }
  if (computed.length > 0) {
    const program = compile({ graph, placements });
    await where.turn(async (run) => {
      await model.weights.available(where);
      const loaded = where.load(program, new Map([["parameters", model.weights.bind(where)]]));
      await run(loaded);
      for (const [name, tensor] of computed) {
        const { offset } = placements.get(tensor)!;
        results.set(name, {
          shape: tensor.shape,
          values: loaded.floats("output", offset, tensor.size).slice() as Float32Array<ArrayBuffer>,
        });
      }
      loaded.release();
    });
  }
  const plain = reparametrize(base, () => new Map());
  plain.setParameters(results);
  return plain;
}
