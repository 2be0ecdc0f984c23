// What a worker thread does: takes part in every run until it is told to end.
import { receiveTask } from "#host";
import { CONTROL_LEFT, STATUS_HALTED, STATUS_QUIT, STATUS_WAITING } from "../../assembly/abi.ts";
import { extended } from "./extension.ts";
import { type Instance, instantiateSync } from "./instance.ts";

receiveTask(({ module, memory, index, count, extensions = [] }, tell) => {
  const { exports } = extensions.reduce<Instance>(
    (instance, other) => extended(instance, new WebAssembly.Instance(other, { env: { memory } })),
    instantiateSync(module, memory),
  );
  exports.attach(index, count);
  tell("begun");
  // Each turn returns from wasm, so that the next can begin in optimized code.
  for (let status = exports.serve(); status !== STATUS_QUIT; status = exports.serve()) {
    // Number 0 is a worker only where the thread that called cannot see by itself that the run is over.
    if (index === 0 && status !== STATUS_WAITING)
      tell({ steps: exports.stepsDone(), halted: status === STATUS_HALTED });
  }
  Atomics.add(new Int32Array(memory.buffer), CONTROL_LEFT >> 2, 1);
});
