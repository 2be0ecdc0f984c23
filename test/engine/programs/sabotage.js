// Preloaded with --import: in the first worker, one kernel ends the thread in the middle of its work, or is slow.
// KERNEL names it, AFTER how many calls it works as it should, WAY is "exit", "throw" or "slow".
import { isMainThread, threadId } from "node:worker_threads";

const { KERNEL, AFTER, WAY } = process.env;

/** A module that imports a function of one pointer and exports it: the function table takes none but exported ones. */
const PASSAGE = new WebAssembly.Module(
  Uint8Array.of(
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...[1, 5, 1, 96, 1, 127, 0],
    ...[2, 7, 1, 1, 101, 1, 102, 0, 0],
    ...[7, 5, 1, 1, 102, 0, 0],
  ),
);

if (!isMainThread && threadId === 1) {
  const { Instance } = WebAssembly;
  WebAssembly.Instance = new Proxy(Instance, {
    construct(_, [module, imports]) {
      const { exports } = new Instance(module, imports);
      if (!(KERNEL in exports)) throw new Error(`sabotage: there is no kernel ${KERNEL}`);
      let calls = 0;
      const f = (pointer) => {
        if (WAY === "slow") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
        if (WAY === "slow" || calls++ < Number(AFTER)) return exports[KERNEL](pointer);
        if (WAY === "exit") process.exit(7);
        throw new Error("sabotage");
      };
      return { exports: { ...exports, [KERNEL]: new Instance(PASSAGE, { e: { f } }).exports.f } };
    },
  });
}
