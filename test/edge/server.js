// A workerd that serves the worker on a port of the loopback interface, and what the system says of its process.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { environment, folder } from "./project.js";

/** Milliseconds of a tick of the clock in /proc/<pid>/stat. */
const TICK = 10;

export class Server {
  #child;
  #port;
  /** Milliseconds from the start of the process until it listened. */
  started;
  /** Bytes of its own in memory then, and at the most after any answer. */
  idle;
  peak = 0;

  static async start(workerd) {
    const server = new Server();
    const began = performance.now();
    const words = ["serve", "wrangler.jsonc", "--socket-addr=http=127.0.0.1:0", "--control-fd=3"];
    const child = spawn(workerd, words, {
      cwd: join(folder, "edge"),
      env: environment,
      stdio: ["ignore", "inherit", "inherit", "pipe"],
    });
    server.#child = child;
    server.#port = await new Promise((resolve, reject) => {
      let text = "";
      child.once("exit", (code) => reject(new Error(`workerd: exit code ${code}`)));
      child.stdio[3].on("data", (part) => {
        text += part;
        if (text.includes("\n")) resolve(JSON.parse(text.split("\n")[0]).port);
      });
    });
    server.started = performance.now() - began;
    server.idle = server.#own();
    return server;
  }

  async fetch(path, request = {}) {
    const url = `http://127.0.0.1:${this.#port}${path}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(60_000), ...request });
    this.peak = Math.max(this.peak, this.#own());
    return response;
  }

  /** @throws Error with what the worker said, where it refused. */
  async json(path, request) {
    const response = await this.fetch(path, request);
    const answer = await response.json();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${answer.error}`);
    return answer;
  }

  async bytes(path) {
    return new Uint8Array(await (await this.fetch(path)).arrayBuffer());
  }

  /** Bytes of /proc/<pid>/status by their name there. */
  #bytes(name) {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)[1]);
  }

  /**
   * The process's own memory, that of no file: the runtime's heap, the isolate's, WebAssembly's memory. What else lies
   * there is the runtime's code, which all isolates of a machine share.
   */
  #own() {
    return this.#bytes("RssAnon") + this.#bytes("RssShmem");
  }

  /** All of it, code and all, at its peak. */
  get whole() {
    return this.#bytes("VmHWM");
  }

  /** Milliseconds of CPU that the process has used so far, in all its threads. */
  cpu() {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8").split(") ")[1].split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK;
  }

  get alive() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  stop() {
    return new Promise((resolve) => {
      this.#child.removeAllListeners("exit");
      this.#child.once("exit", resolve);
      this.#child.kill();
    });
  }
}
