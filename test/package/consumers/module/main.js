// main.js
import { learn } from "./xor.js";

console.log(await learn());
