// A consumer's project: a temporary folder outside this repository, so that nothing is found in a folder above it,
// with the packed package installed as anybody would.
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pack } from "../../scripts/pack.js";

const consumers = fileURLToPath(new URL("consumers/", import.meta.url));
const tools = fileURLToPath(new URL("node_modules/.bin", import.meta.url));
const TIME_LIMIT = 300_000;

/** Each in a process group of its own: some tools are scripts that start the true one. */
function start(command, cwd) {
  const [name, ...words] = command.replace(/^npx /, "").split(" ");
  const env = {
    ...process.env,
    PATH: `${tools}${delimiter}${process.env.PATH}`,
    NODE_OPTIONS: "",
    NO_COLOR: "1",
  };
  const child = spawn(name, words, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const stop = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  };
  return { child, stop };
}

/** A folder with a package.json, the files of a consumer and downhill, and what is started in it. */
export class Project {
  folder = mkdtempSync(join(tmpdir(), "downhill-consumer-"));

  /** Of the package.json the `type`, and the folders of consumers/ whose files make the project. */
  constructor({ type, folders }) {
    this.write("package.json", JSON.stringify({ name: "consumer", private: true, ...(type && { type }) }));
    for (const folder of folders) this.add(folder);
  }

  /** Takes nothing from the network: the package has no dependency. */
  install() {
    return this.run(`npm install --no-audit --no-fund ${pack()}`);
  }

  write(name, text) {
    writeFileSync(join(this.folder, name), text);
  }

  /** Adds the files of another folder. */
  add(folder) {
    cpSync(join(consumers, folder), this.folder, { recursive: true });
  }

  /** Removes what a tool keeps between its runs. */
  forget(name) {
    rmSync(join(this.folder, name), { recursive: true, force: true });
  }

  /** Takes one of consumers/programs as xor.js, which imports the entry points by other names if it has to. */
  choose(program, imports = (room) => `downhill${room}`) {
    const text = readFileSync(join(consumers, "programs", program), "utf8");
    this.write(
      "xor.js",
      text.replace(/"downhill(\/[a-z]+)?"/g, (_, room = "") => JSON.stringify(imports(room))),
    );
  }

  /** Changes the page's import map to these. */
  map(imports) {
    const page = join(this.folder, "index.html");
    const map = `<script type="importmap">${JSON.stringify({ imports })}</script>`;
    writeFileSync(
      page,
      readFileSync(page, "utf8").replace(/<script type="importmap">[\s\S]*?<\/script>/, map),
    );
  }

  /** Runs a command to its end and answers what it prints; one that fails or says something is wrong throws. */
  run(command) {
    return new Promise((resolve, reject) => {
      const { child, stop } = start(command, this.folder);
      const timer = setTimeout(stop, TIME_LIMIT);
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (text) => (stdout += text));
      child.stderr.on("data", (text) => (stderr += text));
      child.on("error", reject);
      child.on("close", (code, signal) => {
        clearTimeout(timer);
        stop();
        if (code === 0) resolve({ stdout, stderr });
        else
          reject(
            new Error(
              `${command}: ${signal ? `ended by ${signal}` : `exit code ${code}`}\n${stdout}${stderr}`,
            ),
          );
      });
    });
  }

  /** Starts a server, and waits until it says where it is: the answer's group 1. */
  serve(command, address) {
    return new Promise((resolve, reject) => {
      const { child, stop } = start(command, this.folder);
      let said = "";
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`${command}: says no address:\n${said}`));
      }, TIME_LIMIT);
      const listen = (text) => {
        said += text;
        const found = address.exec(said);
        if (found) {
          clearTimeout(timer);
          resolve({ address: found[1], close: stop });
        }
      };
      child.stdout.on("data", listen);
      child.stderr.on("data", listen);
      child.on("error", reject);
      child.on("close", (code) => {
        clearTimeout(timer);
        reject(new Error(`${command}: exit code ${code}\n${said}`));
      });
    });
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
