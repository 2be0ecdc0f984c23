// The driver's end of one child process that holds a system.

import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** @import { Entry } from "./systems.js" */

const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

/** The first Python that can import torch; the system's own stands first because Debian's torch is for that one. */
export function findPython() {
  return ["/usr/bin/python3", "python3"].find((name) => spawnSync(name, ["-c", "import torch"]).status === 0);
}

/**
 * @param {Entry} entry
 * @param {{ node: string, python: string | undefined }} runtimes
 */
export function startChild(entry, { node, python }) {
  const isPython = entry.file.endsWith(".py");
  if (isPython && !python) return { ask: async () => ({ unable: "no Python with torch found" }), stop() {} };
  const options = JSON.stringify(entry.options ?? {});
  const file = path(`systems/${entry.file}`);
  const child = isPython
    ? spawn(python ?? "", [file, options], { stdio: ["pipe", "ignore", "pipe", "pipe"] })
    : spawn(node, [path("host.js"), file, options], { stdio: ["pipe", "ignore", "pipe", "pipe"] });

  let complaint = "";
  child.stderr?.on("data", (text) => {
    complaint = `${complaint}${text}`.slice(-2000);
  });
  const ended = new Promise((resolve) => child.once("close", resolve)).then(() => {
    const reason = complaint
      .trim()
      .split("\n")
      .findLast((line) => /error/i.test(line));
    return { failed: `process ended: ${reason ?? `exit code ${child.exitCode ?? child.signalCode}`}` };
  });
  const answers = createInterface({ input: /** @type {any} */ (child.stdio[3]) })[Symbol.asyncIterator]();
  child.stdin?.on("error", () => {}); // a child that died is reported by `ended`

  return {
    /** @returns {Promise<Record<string, any>>} the answer, or { unable } or { failed } with the reason */
    async ask(/** @type {Record<string, unknown>} */ request) {
      child.stdin?.write(`${JSON.stringify(request)}\n`);
      const answer = await answers.next();
      return answer.done ? ended : JSON.parse(answer.value);
    },
    stop: () => child.kill(),
  };
}
