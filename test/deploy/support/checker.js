// What the format's own checker says of files: one process of Debian's Python for all of them; PYTHON names another.
import { spawnSync } from "node:child_process";

const PROGRAM = `
import sys, onnx
for path in sys.stdin.read().split():
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        print(path, str(error).replace("\\n", " ")[:300])
`;

/** Lines of files that it refuses. */
export function accepted(paths) {
  const { status, stdout, stderr } = spawnSync(process.env.PYTHON ?? "/usr/bin/python3", ["-c", PROGRAM], {
    input: paths.join("\n"),
    encoding: "utf8",
  });
  if (status !== 0) return [stderr];
  return stdout.split("\n").filter((line) => line);
}
