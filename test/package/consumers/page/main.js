// main.js
import { learn } from "./xor.js";

document.body.textContent = await learn();
