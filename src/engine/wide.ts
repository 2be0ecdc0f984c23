// Wide mode: V8 26 can join neighbouring 128-bit operations into 256-bit ones, behind a flag of the process.
// It is used only after the optimized code has given the same bits as the unoptimized code, which is never joined.
import { compile } from "../compile/program.ts";
import type { Tensor } from "../graph/tensor.ts";
import { Graph } from "../graph/tensor.ts";
import { gelu, relu } from "../ops/activation.ts";
import { gradients } from "../ops/gradients.ts";
import { matmul } from "../ops/matmul.ts";
import { softmaxCrossEntropy } from "../ops/softmax.ts";
import type { Engine } from "./engine.ts";

/** Rounds until the kernels run in optimized code, with room to spare. */
const ROUNDS = 4000;

/** Whether a training step in optimized code gives the same bits as its first run, in unoptimized code. */
export function checkWide(engine: Engine): boolean {
  const graph = new Graph();
  const values = (name: string, shape: readonly number[]) => graph.input(name, shape);
  const inputs: Tensor[] = [
    values("x", [37, 41]),
    values("w", [41, 48]),
    values("b", [48]),
    values("v", [48, 19]),
  ];
  const [x, w, b, v] = inputs as [Tensor, Tensor, Tensor, Tensor];
  const labels = graph.input("labels", [37], "i32");
  const hidden = matmul(relu(matmul(x, w, b)), v);
  const loss = softmaxCrossEntropy(gelu(hidden), labels);
  const results = [loss, ...gradients(loss, inputs).map((gradient) => gradient!)];

  let offset = 0;
  const place = (region: string, tensor: Tensor) => {
    const at = offset;
    offset += Math.ceil(tensor.size / 16) * 64;
    return [tensor, { region, offset: at }] as const;
  };
  const placedInputs = [...inputs, labels].map((tensor) => place("input", tensor));
  offset = 0;
  const placements = new Map([...placedInputs, ...results.map((tensor) => place("output", tensor))]);
  const loaded = engine.load(compile({ graph, placements }));
  try {
    const numbers = loaded.floats("input");
    // Any numbers will do that are neither round nor large; labels are zeros.
    const used = placements.get(labels)!.offset / 4;
    for (let i = 0; i < used; i++) numbers[i] = ((i * 7919) % 1013) / 507 - 1;
    numbers.fill(0, used);
    engine.runSync(loaded);
    const cold = loaded.integers("output").slice();
    for (let round = 0; round < ROUNDS; round++) engine.runSync(loaded);
    return loaded.integers("output").every((bits, at) => bits === cold[at]);
  } finally {
    loaded.release();
  }
}
