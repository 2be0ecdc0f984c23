// Replays the file of write.js in workerd: npx workerd test config.capnp, in this folder.
import { benchmark } from "./benchmark.js";
// @ts-expect-error: modules of other kinds, named in config.capnp.
import file from "./digits.program";
// @ts-expect-error
import module from "./kernels.wasm";

const STEPS = 1000;

export default {
  async test() {
    const { digits, right, losses, milliseconds } = benchmark(module, new Uint8Array(file), STEPS);
    console.log(
      `read ${right} of ${digits} digits right; loss ${losses.join(" → ")}; ` +
        `${Math.round((1000 * STEPS) / milliseconds)} steps a second`,
    );
  },
};
