// The entry point downhill/standalone: models as modules of their own.
export type { Freezable } from "../inference/freezable.ts";
export type { Frozen } from "../inference/frozen.ts";
export { type CompiledModel, type CompileModelOptions, compileModel } from "./compile-model.ts";
export type { Normalization } from "./module-text.ts";
