// The engine that is used where none is given: made at first use, kept for the process. Its workers do not keep
// the process alive, so nobody has to close it.
import { createEngine, type Engine } from "./engine.ts";

let shared: Promise<Engine> | undefined;

/** The process's own engine; a new one where the last was closed or has lost a worker. */
export async function defaultEngine(): Promise<Engine> {
  shared ??= createEngine();
  let engine = await shared;
  if (!engine.usable) {
    shared = createEngine();
    engine = await shared;
  }
  return engine;
}
