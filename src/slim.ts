// The table of contents of `downhill/slim`: the core's names, and how the module is brought.
export { init, type ModuleSource } from "./host/slim.ts";
export * from "./index.ts";
