// Whoever orders weights or sums over them would make silent nonsense of one that is not finite.
import { DataError } from "../core/errors.ts";
import type { Model } from "../nn/model.ts";
import type { ParameterValues } from "../nn/weights.ts";

/** @throws DataError naming the first of some parameters that holds NaN or an infinity. */
export function checkFinite(
  where: string,
  parameters: ReadonlyMap<string, ParameterValues>,
  names: Iterable<string>,
): void {
  for (const name of names) {
    const { values } = parameters.get(name)!;
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0)
      throw new DataError(`${where}: ${name}: got ${values[at]} at index ${at}, wanted finite numbers`);
  }
}

/** The same for all that a model trains; its state may begin at an infinity. */
export function checkTrained(where: string, model: Model): void {
  const trained = model.weights.segments.filter((segment) => segment.trained);
  checkFinite(
    where,
    model.parameters(),
    trained.map(({ name }) => name),
  );
}
