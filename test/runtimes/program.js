// The suite on Node, Deno and Bun: prints one line of JSON. It ends by itself, since every engine is closed.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { conformance } from "../conformance/suite.js";

const read = (name) => new Uint8Array(readFileSync(new URL(`../digits/${name}.idx`, import.meta.url)));
const directory = mkdtempSync(join(tmpdir(), "downhill-"));
try {
  const result = await conformance({
    threads: [1, 2, 3],
    images: read("images"),
    labels: read("labels"),
    path: join(directory, "model.safetensors"),
  });
  console.log(JSON.stringify(result));
} finally {
  rmSync(directory, { recursive: true });
}
