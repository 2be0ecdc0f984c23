// How modules are imported: compiled, where a runtime does that; as bytes, where scripts/bundle.js writes them into the file.
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
declare module "*.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}
declare module "#wasm/*" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
