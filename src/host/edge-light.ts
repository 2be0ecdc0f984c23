// Vercel's edge functions: as workerd, with its own way to write the import of a module.
import plain from "../../wasm/plain.wasm?module";
import relaxed from "../../wasm/relaxed.wasm?module";
import { hostOf } from "./threadless.ts";

export const host = hostOf(
  { plain, relaxed },
  () => "wanted a bundler that imports .wasm?module as a module",
);
