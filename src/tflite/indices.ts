// Ops that go by integers: rows by number, one-hot, the place of the largest.
import { int8, int32 } from "../formats/flatbuffers.ts";
import { countOf, type Rule } from "./network.ts";
import { TYPES } from "./schema.ts";

/** Every element of a list of one; the gradient of a padding has more, which no prediction holds. */
const single = (lists: readonly (readonly number[])[]) => lists.map((list) => list[0]!);

export const RULES: Readonly<Record<string, Rule>> = {
  collect(network, { attributes: { lines, columns } }, [x]) {
    const tall = network.gather(x!, network.integers(single(lines)), 1);
    return network.gather(tall, network.integers(single(columns)), 2);
  },
  gather(network, { outputs: [y] }, [x, indices]) {
    const flat = network.reshape(indices!, [countOf(indices!)]);
    return network.reshape(network.gather(x!, flat, 0), y!.shape);
  },
  oneHot(network, { attributes: classes, outputs: [y] }, [labels]) {
    const operands = [labels!, network.integers([classes], []), network.number(1), network.number(0)];
    return network.apply("ONE_HOT", operands, y!.shape, { options: [int32(-1)], span: { min: 0, max: 1 } });
  },
  argmax(network, { attributes: { outer, size, inner } }, [x]) {
    const wide = network.reshape(x!, [outer, size, inner]);
    const options = [int8(TYPES.int32)];
    return network.apply("ARG_MAX", [wide, network.integers([1], [])], [outer, inner], {
      type: "int32",
      options,
    });
  },
};
