// That threads meet, whatever the machine does meanwhile: in V8's first code and in its optimized code.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const crowd = fileURLToPath(new URL("crowd.js", import.meta.url));

// Code of the first stage is where V8 11 loses a local in a wait.
test.each([
  ["as V8 chooses", []],
  ["in code of the first stage only", ["--liftoff-only"]],
  ["in optimized code only", ["--no-liftoff"]],
])("threads come to the same bits as one: %s", async (_, flags) => {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, crowd]);
  expect(JSON.parse(stdout)).toEqual({ 2: 0, 3: 0, 4: 0, 6: 0 });
});
