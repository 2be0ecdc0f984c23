import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { init } from "downhill/slim";
import { learn } from "./xor.js";

const path = fileURLToPath(import.meta.resolve("downhill/wasm/plain.wasm"));
await init({ module: await WebAssembly.compile(await readFile(path)) });
console.log(await learn());
