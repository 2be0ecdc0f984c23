// worker.mjs
import { init } from "downhill/slim";
import module from "downhill/wasm/plain.wasm";
import { learn } from "./xor.js";

await init({ module });

export default {
  async fetch() {
    return new Response(await learn());
  },
};
