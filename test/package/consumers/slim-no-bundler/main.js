import { init } from "downhill/slim";
import { learn } from "./xor.js";

await init({ url: "./node_modules/downhill/build/wasm/plain.wasm" });
// Another module is added, and taken if it is the better one.
await init({ response: fetch("./node_modules/downhill/build/wasm/relaxed.wasm") });
document.body.textContent = await learn();
