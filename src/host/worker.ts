// What a worker thread does: takes part in every run until it is told to end.
import { receiveTask } from "#host";
import { STATUS_QUIT } from "../../assembly/abi.ts";
import { instantiate } from "./instance.ts";

receiveTask(({ module, memory, index, count }, tell) => {
  const { exports } = instantiate(module, memory);
  exports.attach(index, count);
  tell("begun");
  // Each turn returns from wasm, so that the next can begin in optimized code.
  while (exports.serve() !== STATUS_QUIT);
});
