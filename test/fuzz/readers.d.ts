// What readers.js gives.
import type { Reader } from "./fuzz.js";

export const readers: readonly Reader[];
