// What only a process of its own can show: workers that die or are late, V8's stages, a process that ends by itself.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const path = (name: string) => fileURLToPath(new URL(`programs/${name}`, import.meta.url));

/** Runs a program to its end and gives what it printed last; one that does not end by itself is killed and found. */
function run(program: string, env: Record<string, string> = {}, options: string[] = []) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...options, path(program)], {
    env: { ...process.env, NODE_OPTIONS: "", ...env },
    encoding: "utf8",
    timeout: 25_000,
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: "" });
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

describe("a worker that dies in the middle of a step", () => {
  const sabotage = ["--import", path("sabotage.js")];
  // In the update half of the weights are new: the worst moment there is.
  test.each([
    ["at its first instruction", { KERNEL: "matmulNN", AFTER: "0", WAY: "exit" }, "exit code 7"],
    ["in a matrix product", { KERNEL: "matmulNN", AFTER: "333", WAY: "exit" }, "exit code 7"],
    ["in the update", { KERNEL: "adam", AFTER: "100", WAY: "throw" }, "sabotage"],
  ])("%s", (_, env, reason) => {
    const result = run("worker-dies.js", env, sabotage);
    expect(result).toMatchObject({
      typed: true,
      usable: false,
      againTyped: true,
      scores: 1024,
      finite: true,
    });
    expect(result.message).toBe(`engine: worker 1 ended during its work: ${reason}`);
    expect(result.again).toBe(result.message);
    // Naps are of 10 ms; what is slow is the start of a process.
    expect(result.seconds).toBeLessThan(5);
    expect(result.losses.at(-1)).toBeLessThan(result.losses[0]);
  });
  test("nothing is reported where none dies", () => {
    expect(run("trains.js", { KERNEL: "matmulNN", AFTER: "Infinity", CLOSE: "1" }, sabotage)).toMatchObject({
      steps: 100,
    });
  });
});

// More threads than cores, with pauses. In unoptimized code V8 11 loses a local in a wait.
test.each([
  ["as V8 chooses", []],
  ["unoptimized", ["--liftoff-only"]],
  ["optimized", ["--no-liftoff"]],
])("many threads come to the bits of one: code %s", (_, options) => {
  expect(run("crowd.js", {}, options)).toEqual({ 2: 0, 4: 0 });
});

test("weights do not leave an engine in the middle of a run", () => {
  const options = ["--import", path("sabotage.js")];
  expect(run("moves.js", { KERNEL: "matmulNN", WAY: "slow" }, options)).toEqual({
    busy: true,
    refused: "EngineError: model: a run of another engine works on its weights",
    order: ["step", "prediction"],
    same: true,
  });
});

describe("the process ends by itself", () => {
  test("after engine.close(), with no thread left", () => {
    expect(run("trains.js", { CLOSE: "1" })).toEqual({ steps: 100, threads: 2, ended: 1 });
  });
  test("also with an engine that nobody closed", () => {
    expect(run("trains.js")).toEqual({ steps: 100, threads: 2, ended: 0 });
  });
});
