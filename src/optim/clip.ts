// Clipping of the gradient.
import { REDUCE_BLOCK } from "../../assembly/abi.ts";
import { OptionError } from "../core/errors.ts";
import { read, rows, single, write } from "../graph/op.ts";
import { defineTransform, type Transform } from "./transform.ts";

/**
 * Scales the whole gradient down so that its Euclidean norm is at most `maximum`. Pascanu et al. 2013.
 * @throws OptionError where the maximum is not a positive number.
 * @example chain(clipByGlobalNorm(1), adam())
 */
export function clipByGlobalNorm(maximum: number): Transform {
  if (!(maximum > 0 && Number.isFinite(maximum))) {
    throw new OptionError(`clipByGlobalNorm: maximum: wanted a finite number > 0, got ${maximum}`);
  }
  return defineTransform({
    name: "clipByGlobalNorm",
    whole: true,
    hyperWords: 1,
    hyper: () => [maximum],
    emit(context) {
      const { emitter, gradients, hyper } = context;
      const length = gradients.bytes / 4;
      const blocks = Math.ceil(length / REDUCE_BLOCK);
      const partials = emitter.temporary("squared norms", blocks * 4);
      const scale = emitter.temporary("gradient scale", 4);
      const norm = emitter.temporary("gradient norm", 4);
      const cut = rows(blocks, REDUCE_BLOCK * 4);
      emitter.call("partialSquares", [length, read(gradients, cut), write(partials, rows(blocks, 4))]);
      emitter.call("clipScale", [
        blocks,
        read(partials),
        read(hyper),
        write(scale, single),
        write(norm, single),
      ]);
      context.scale = scale;
    },
  });
}
