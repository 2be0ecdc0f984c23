// worker.mjs
import { learn } from "./xor.js";

export default {
  async fetch() {
    return new Response(await learn());
  },
};
