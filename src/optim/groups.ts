// Parameter groups: other optimizers, other numbers or none for some of the parameters.
import { OptionError } from "../core/errors.ts";
import type { TrainedParameter, Transform } from "./transform.ts";

/** Which parameters: names, where * stands for any part of one, a pattern, or a test of the name. */
export type ParameterSelection =
  | string
  | RegExp
  | ((name: string) => boolean)
  | readonly ParameterSelection[];

/** Some parameters and what is to be done with them. */
export interface ParameterGroup {
  readonly parameters: ParameterSelection;
  readonly optimizer: Transform;
}

/** Whether a selection holds a name. */
export function selects(selection: ParameterSelection, name: string): boolean {
  if (typeof selection === "string") {
    const parts = selection.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`).test(name);
  }
  // A pattern that is global would go on from where it last ended.
  if (selection instanceof RegExp) return name.search(selection) >= 0;
  if (typeof selection === "function") return selection(name);
  return selection.some((each) => selects(each, name));
}

/** Option of transforms that are meant for some of the parameters. */
export interface SelectionOptions {
  /** Which parameters. Default: those of two axes and more, so neither biases nor the scales of a normalization. */
  readonly parameters?: ParameterSelection;
}

/** The parameters of a selection. @throws OptionError where it is given and holds none. */
export function selected(
  where: string,
  parameters: readonly TrainedParameter[],
  selection: ParameterSelection | undefined,
): readonly TrainedParameter[] {
  if (selection === undefined) return parameters.filter(({ tensor }) => tensor.rank >= 2);
  const mine = parameters.filter(({ name }) => selects(selection, name));
  if (mine.length === 0) {
    const known = parameters.map(({ name }) => name).join(", ");
    throw new OptionError(`${where}: parameters: wanted some of ${known}, got none`);
  }
  return mine;
}

/**
 * Gives each group of parameters its own optimizer, and all others the last one.
 * @throws OptionError while a step is compiled, where a group holds no parameter of the model, two hold the same, or one
 * is in no group and there is no optimizer for the rest.
 * @example
 * parameterGroups(
 *   { biases: { parameters: "*.bias", optimizer: adam() }, first: { parameters: "dense.*", optimizer: frozen() } },
 *   adamW({ weightDecay: 0.1 }),
 * )
 */
export function parameterGroups(
  groups: Readonly<Record<string, ParameterGroup>>,
  rest?: Transform,
): Transform {
  const list = Object.entries(groups).map(([name, group]) => ({ name, ...group }));
  const all = [...list.map(({ optimizer }) => optimizer), ...(rest ? [rest] : [])];
  return {
    name: "parameterGroups",
    hyperWords: all.reduce((sum, { hyperWords }) => sum + hyperWords, 0),
    hyper: (step) => all.flatMap((optimizer) => optimizer.hyper(step)),
    apply(context) {
      const owner = new Map<string, string>();
      let word = 0;
      for (const { name, parameters: selection, optimizer } of list) {
        const mine = context.parameters.filter((parameter) => selects(selection, parameter.name));
        if (mine.length === 0) {
          const known = context.parameters.map((parameter) => parameter.name).join(", ");
          throw new OptionError(
            `parameterGroups: ${name}: holds no parameter of the model, which has ${known}`,
          );
        }
        for (const parameter of mine) {
          const other = owner.get(parameter.name);
          if (other !== undefined) {
            throw new OptionError(
              `parameterGroups: ${parameter.name} is in ${other} and in ${name}: wanted one group`,
            );
          }
          owner.set(parameter.name, name);
        }
        optimizer.apply(context.within(`${name} ${optimizer.name}`, word, mine));
        word += optimizer.hyperWords;
      }
      const others = context.parameters.filter((parameter) => !owner.has(parameter.name));
      if (others.length === 0) return;
      if (!rest) {
        throw new OptionError(
          `parameterGroups: ${others[0]!.name} is in no group: wanted one, or an optimizer for the rest`,
        );
      }
      rest.apply(context.within(`rest ${rest.name}`, word, others));
    },
  };
}

/**
 * No update at all: for parameters that are to stay as they are. Their gradients are not computed.
 * @example parameterGroups({ body: { parameters: "dense.*", optimizer: frozen() } }, adam())
 */
export function frozen(): Transform {
  return { name: "frozen", hyperWords: 0, hyper: () => [], apply: () => {} };
}
