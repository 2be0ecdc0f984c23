// What a worker thread does: takes part in every run until it is told to end.
import { receiveTask } from "#host";
import { STATUS_HALTED, STATUS_QUIT, STATUS_WAITING } from "../../assembly/abi.ts";
import { instantiateSync } from "./instance.ts";

receiveTask(({ module, memory, index, count }, tell) => {
  const { exports } = instantiateSync(module, memory);
  exports.attach(index, count);
  tell("begun");
  // Each turn returns from wasm, so that the next can begin in optimized code.
  for (let status = exports.serve(); status !== STATUS_QUIT; status = exports.serve()) {
    // Number 0 is a worker only where the thread that called cannot see by itself that the run is over.
    if (index === 0 && status !== STATUS_WAITING)
      tell({ steps: exports.stepsDone(), halted: status === STATUS_HALTED });
  }
});
