// The entry point downhill/torch: weights to PyTorch and back.
export type { PyTorchOptions, StackedModule } from "./modules.ts";
export { fromPyTorch, toPyTorch } from "./state-dict.ts";
