// main.js
import { init } from "downhill/slim";
import bytes from "downhill/wasm/plain.wasm";
import { learn } from "./xor.js";

await init({ bytes });
document.body.textContent = await learn();
