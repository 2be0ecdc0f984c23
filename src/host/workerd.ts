// Cloudflare's workers: code may not be compiled while they run, so modules are imported; no threads, no files.
import plain from "../../wasm/plain.wasm";
import relaxed from "../../wasm/relaxed.wasm";
import { hostOf } from "./threadless.ts";

export const host = hostOf({ plain, relaxed }, () => "wanted a bundler that imports .wasm as a module");
