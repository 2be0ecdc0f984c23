// main.js
import { init } from "downhill/slim";
import url from "downhill/wasm/plain.wasm?url";
import { learn } from "./xor.js";

await init({ url });
document.body.textContent = await learn();
