// Files in ONNX's format as models. What reads them is loaded when a file is read.
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { Shape } from "../core/shape.ts";
import type { Model } from "../nn/model.ts";
import type { ParameterSelection } from "../optim/groups.ts";
import type { ExternalData, OnnxLimits } from "./import/tensor.ts";

/** Options of {@link fromOnnx}. */
export interface FromOnnxOptions {
  /** The bytes of files that the model keeps its weights in, by the names that it has for them. Nothing is opened. */
  readonly weights?: ExternalData | undefined;
  /**
   * Parameters that training leaves as they are: names, where * stands for any part of one, a pattern, or a test of the
   * name. A batch normalization whose mean is among them keeps its statistics and goes by them. Default: none.
   */
  readonly frozen?: ParameterSelection | undefined;
  /** The input that the model is a function of, where there are several. */
  readonly input?: string | undefined;
  /** The value that is the model's output: an output of the graph, or any value inside. Default: the only output. */
  readonly output?: string | undefined;
  /** Shape of one input, without the batch, where the file leaves sizes open. */
  readonly inputShape?: Shape | undefined;
  /** What a file may be; one beyond is refused. */
  readonly limits?: OnnxLimits | undefined;
}

const KNOWN = { weights: 0, frozen: 0, input: 0, output: 0, inputShape: 0, limits: 0 } as const;

/**
 * A model of a file in ONNX's format, opset 7 to 21: it predicts as the file does, and can be trained further. The float
 * weights are its parameters, under their names and with their numbers; those of convolutions are stored as `conv2d` has
 * them, those of transposed products transposed. Images stay as the file has them, channels first. Numbers of 16 and 64 bits
 * are computed in 32. In training, dropout is on, and batch normalizations go by the batch and renew their statistics.
 * @throws FormatError naming the byte, tensor or node of what is wrong or not supported; OptionError where the options do
 * not fit the file, or the bytes are none.
 * @example
 * const model = await fromOnnx(await readFile("digits.onnx"), { frozen: "*.weight" });
 * const scores = await model.predict(images);
 */
export async function fromOnnx(bytes: Uint8Array, options: FromOnnxOptions = {}): Promise<Model> {
  const { weights = new Map(), inputShape = [] } = checkOptions("fromOnnx", options, KNOWN);
  if (!(bytes instanceof Uint8Array))
    throw new OptionError(`fromOnnx: bytes: got ${typeof bytes}, wanted a Uint8Array`);
  if (!(weights instanceof Map && [...weights.values()].every((each) => each instanceof Uint8Array)))
    throw new OptionError(`fromOnnx: weights: got ${typeof weights}, wanted a Map of names to Uint8Arrays`);
  if (!(Array.isArray(inputShape) && inputShape.every((size) => Number.isSafeInteger(size) && size > 0)))
    throw new OptionError(
      `fromOnnx: inputShape: got ${JSON.stringify(inputShape)}, wanted a list of positive integers`,
    );
  const { modelOf } = await import("./import/model.ts");
  return modelOf(bytes, options);
}
