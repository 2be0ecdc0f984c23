// A model whose parameters are made of others: masked, factored, shared, rounded, or fewer. Its function is that of another model.
import type { Shape } from "../core/shape.ts";
import { Graph, type Initializer, type Tensor } from "../graph/tensor.ts";
import { Model } from "./model.ts";

/** What a model of other parameters asks for them with; names may be those of the parameters that they stand for. */
export interface OwnParameters {
  /** A trained value. */
  parameter(name: string, shape: Shape, initializer: Initializer): Tensor;
  /** A value that is the model's but not trained, such as a mask. `graph.renew` may say what it becomes. */
  state(name: string, shape: Shape, initializer: Initializer): Tensor;
}

/** What stands for some parameters and state of a model, by their names; made once in each trace. */
export type Instead = (graph: Graph, own: OwnParameters) => ReadonlyMap<string, Tensor>;

/**
 * A model that does what another does, with other tensors in the place of some of its parameters. Layers take sizes from
 * their tensors, so these may be smaller too. What is not replaced keeps its name, and dropout draws what it would draw in
 * the model that is repeated. It has no weights at first: `setParameters` gives them, else they start from the initializers.
 * @throws ShapeError where a layer cannot work with the shape of what it is given.
 * @example
 * const model = sequential({ input: [4] }, dense(3));
 * const halved = reparametrize(model, (graph, own) => {
 *   const [{ name, shape, initializer }] = model.weights.segments;
 *   return new Map([[name, mul(own.parameter(name, shape, initializer), 0.5)]]);
 * });
 */
export function reparametrize(model: Model, instead: Instead): Reparametrized {
  return new Reparametrized(model, instead);
}

/** A model that repeats another; made by `reparametrize`. */
export class Reparametrized extends Model {
  /** The model that is repeated, with weights of its own. */
  readonly base: Model;
  readonly instead: Instead;

  constructor(base: Model, instead: Instead) {
    super({ input: base.inputShape, inputType: base.inputType }, (x) => {
      const { graph } = x;
      const outer = graph.trace;
      const repeated = outer.repeated ?? streamsOf(base, x);
      const tensors = instead(graph, {
        parameter: (...all) => graph.parameter(...all),
        state: (...all) => graph.state(...all),
      });
      const inside = { ...outer, instead: new Map([...outer.instead, ...tensors]), repeated };
      return graph.within(inside, () => base.trace(graph, x));
    });
    this.base = base;
    this.instead = instead;
  }
}

/** The streams of random numbers that a model asks for when it is traced here: they depend on how much was said before. */
export function streamsOf(model: Model, x: Tensor): string[] {
  // What repeats another asks for the same.
  if (model instanceof Reparametrized) return streamsOf(model.base, x);
  const { mode, seed, nodes } = x.graph;
  const graph = new Graph(mode, seed);
  while (graph.nodes.length < nodes.length - 1) graph.constant(0);
  model.trace(graph, graph.input("input", x.shape, x.dtype));
  return [...graph.trace.streams];
}
