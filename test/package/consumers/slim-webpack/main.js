// main.js
import { init } from "downhill/slim";
import { learn } from "./xor.js";

await init({ url: new URL("downhill/wasm/plain.wasm", import.meta.url) });
document.body.textContent = await learn();
