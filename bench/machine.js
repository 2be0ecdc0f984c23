// What the numbers were measured on.

import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem, type } from "node:os";

export function describeMachine(/** @type {string} */ node) {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: execFileSync(node, ["--version"], { encoding: "utf8" }).trim(),
    load: Math.round(10 * (loadavg()[0] ?? 0)) / 10, // others' work at the start, in cores
    date: new Date().toISOString().slice(0, 10),
  };
}
