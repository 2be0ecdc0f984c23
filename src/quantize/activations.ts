// What the tensors of a frozen model hold while it predicts: each is placed where the host can read it.
import { compile, type Program } from "../compile/program.ts";
import type { Engine } from "../engine/engine.ts";
import { extendQuantized } from "../engine/extend.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Frozen } from "../inference/frozen.ts";
import type { InputReader } from "../nn/inputs.ts";

/** Numbers that one run leaves to be looked at, and examples at most. */
const NUMBERS = 2 ** 22;
const EXAMPLES = 64;

/** The tensors of floats that a frozen model computes; another shape of one is left out, and so is what only a gradient reads. */
const computed = ({ nodes }: Frozen): Tensor[] =>
  nodes.flatMap(({ op, outputs: [y] }) => (op && op.name !== "reshape" && y!.dtype === "f32" ? [y!] : []));

/** The numbers of a tensor for some examples; they are valid until the next are shown. */
export interface Seen {
  readonly name: string;
  readonly values: Float32Array | Int32Array;
  readonly from: number;
  readonly to: number;
}

/** A frozen model for a number of examples at a time, where it runs, and which of its tensors count: by default all computed floats. */
export interface Watched {
  readonly frozenAt: (batchSize: number) => Promise<Frozen>;
  readonly engine: Engine;
  readonly chosen?: (frozen: Frozen) => readonly Tensor[];
}

/** Has an engine the kernels on bytes, if a program names one. @throws EngineError where they cannot be had. */
export async function equip(engine: Engine, { kernels }: Program): Promise<void> {
  if (kernels.some((kernel) => /Bytes|Dynamic/.test(kernel))) await extendQuantized(engine);
}

/** Runs a frozen model over inputs and shows, batch after batch, what its input and the chosen tensors hold. */
export async function watch(
  { frozenAt, engine, chosen = computed }: Watched,
  inputs: InputReader,
  see: (seen: Seen) => void,
): Promise<void> {
  const one = await frozenAt(1);
  const numbers = chosen(one).reduce((sum, { size }) => sum + size, one.input.size);
  const most = Math.max(1, Math.min(EXAMPLES, Math.floor(NUMBERS / numbers)));
  for (let from = 0; from < inputs.length; ) {
    const batch = Math.min(most, inputs.length - from);
    const frozen = batch === 1 ? one : await frozenAt(batch);
    const { graph, input, names } = frozen;
    const places = new Map([[input, { region: "input", offset: 0 }]]);
    let end = 0;
    for (const tensor of chosen(frozen)) {
      places.set(tensor, { region: "seen", offset: end });
      end += tensor.size * 4;
    }
    const program = compile({ graph, placements: places });
    await equip(engine, program);
    // As many batches as there are of this size.
    const count = Math.floor((inputs.length - from) / batch);
    const start = from;
    await engine.turn(async (run) => {
      const loaded = engine.load(program);
      try {
        for (from = start; from < start + count * batch; from += batch) {
          inputs.write(loaded, from, from + batch);
          await run(loaded);
          for (const [tensor, { region, offset }] of places) {
            const values = loaded.elements(tensor.dtype, region, offset, tensor.size);
            see({ name: names.get(tensor)!, values, from, to: from + batch });
          }
        }
      } finally {
        loaded.release();
      }
    });
  }
}
