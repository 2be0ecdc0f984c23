// What is asked of an export beside the graph, and the error that says so.
import { OptionError } from "../../core/errors.ts";

/** How inputs are normalized: (x − mean) / standardDeviation, a number for all or one for each of the last axis. */
export interface OnnxNormalization {
  readonly mean: number | readonly number[];
  readonly standardDeviation: number | readonly number[];
}

export const wanted = (what: string, got: unknown, wanted: string) =>
  new OptionError(`toOnnx: ${what}: got ${JSON.stringify(got)}, wanted ${wanted}`);
