// The tarball by itself: what the checkers of packages say, and that what package.json promises and what is packed are
// the same.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { pack } from "../../scripts/pack.js";

/** What an entry point is asked for by, in the order in which the conditions must stand: the first that holds is taken. */
const CONDITIONS = ["types", "workerd", "edge-light", "browser", "deno", "bun", "node", "default"];
/** The same for every runtime: what they need is brought by `init`. */
const SLIM_CONDITIONS = ["types", "default"];
/** What npm packs of itself, and people read. */
const READ = ["package.json", "README.md", "README.zh-CN.md", "LICENSE", "CHANGELOG.md"];

/** Bytes of the tarball: what families of bundles share and what each has for itself, maps of their lines, the sources. */
const MOST_PACKED = 1_600_000;

/** Exceptions of @arethetypeswrong/cli, each with its reason. */
const ATTW = [
  // node10 knows no `exports`; it is Node before 12, and Node 20 is the oldest that is supported.
  "--profile",
  "node16",
  // require() reads ES modules since Node 20.19, and so does the consumer "Node, require".
  "--ignore-rules",
  "cjs-resolves-to-esm",
];

/** A line for each message; no reason where there is none. */
const reasonOf = (messages) => (messages.length > 0 ? messages.join("; ") : undefined);

function tooLarge(tarball, most) {
  const { size } = statSync(tarball);
  return size > most ? `got ${size} bytes, wanted at most ${most}` : undefined;
}

async function checkByPublint(tarball) {
  const bytes = readFileSync(tarball);
  const { buffer, byteOffset, length } = bytes;
  const { messages, pkg } = await publint({
    pack: { tarball: buffer.slice(byteOffset, byteOffset + length) },
    strict: true,
  });
  return reasonOf(messages.map((message) => formatMessage(message, pkg, { color: false })));
}

function checkByAttw(tarball, description) {
  // No modules of JavaScript, so they have no types in that sense.
  const others = Object.keys(description.exports).filter((name) => /\.(wasm|json)$|worker\.js$/.test(name));
  const words = [tarball, ...ATTW, "--format", "json", "--exclude-entrypoints", ...others];
  const command = fileURLToPath(new URL("node_modules/.bin/attw", import.meta.url));
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: "utf8", maxBuffer: 2 ** 28 });
  return status === 0 ? undefined : stderr || stdout.slice(0, 2000);
}

/** Paths of all files below a folder. */
const filesBelow = (folder) =>
  readdirSync(folder, { recursive: true }).filter((path) => statSync(join(folder, path)).isFile());

/** Every file that an entry of `exports` comes to, under any condition; a pattern comes to several. */
function targetsOf(entry, files) {
  if (typeof entry !== "string") return Object.values(entry).flatMap((each) => targetsOf(each, files));
  const path = posix.normalize(entry);
  if (!path.includes("*")) return [path];
  const [before, after] = path.split("*");
  return files.filter((file) => file.startsWith(before) && file.endsWith(after));
}

/** What a file leads to: by an import of any kind, an address beside its own, the map of its lines, or its source. */
function leadsTo(path, text) {
  if (path.endsWith(".map")) return JSON.parse(text).sources;
  if (path.endsWith(".js")) {
    const imports = text.matchAll(/\b(?:from|import|import\(|new URL\()\s*"(\.[^"]+)"/g);
    const map = /^\/\/# sourceMappingURL=(.+)$/m.exec(text);
    // A query, such as `?module`, is for a bundler.
    return [...[...imports].map(([, to]) => to.replace(/\?.*$/, "")), ...(map ? [`./${map[1]}`] : [])];
  }
  if (path.endsWith(".d.ts")) {
    const imports = text.matchAll(/\b(?:from |import |import\()"(\.[^"]+)\.js"/g);
    const source = posix.relative(
      posix.dirname(path),
      path.replace("build/types", "src").replace(".d.ts", ".ts"),
    );
    return [...[...imports].map(([, to]) => `${to}.d.ts`), source];
  }
  return [];
}

/** Follows the files from some of them on; answers all that are reached, and what leads nowhere. */
function reach(folder, begin, files) {
  const reached = new Set();
  const nowhere = [];
  const visit = (path, from) => {
    if (reached.has(path)) return;
    if (!files.includes(path)) {
      nowhere.push(`${from} leads to ${path}`);
      return;
    }
    reached.add(path);
    const text = /\.(js|map|ts)$/.test(path) ? readFileSync(join(folder, path), "utf8") : "";
    for (const to of leadsTo(path, text)) visit(posix.join(posix.dirname(path), to), path);
  };
  for (const path of begin) visit(path, "package.json");
  return { reached, nowhere };
}

function checkConditions({ exports }) {
  const wrong = [];
  for (const [name, entry] of Object.entries(exports)) {
    // One file for everybody.
    if (typeof entry === "string") continue;
    const wanted = name.startsWith("./slim") ? SLIM_CONDITIONS : CONDITIONS;
    const got = Object.keys(entry);
    if (got.join() !== wanted.join()) wrong.push(`${name}: got ${got.join()}, wanted ${wanted.join()}`);
  }
  return reasonOf(wrong);
}

/** The slim entry points are those of the whole package, and `init` beside. */
function checkSlim({ exports }) {
  const rooms = Object.keys(exports).filter((name) => typeof exports[name] === "object");
  const whole = rooms.filter((name) => !name.startsWith("./slim"));
  const wanted = whole.map((name) => `./slim${name.slice(1)}`);
  const got = rooms.filter((name) => name.startsWith("./slim"));
  return got.sort().join() === wanted.sort().join() ? undefined : `got ${got}, wanted ${wanted}`;
}

/** Answers pairs of what was checked and, where it failed, why. */
export async function checkTarball() {
  const tarball = pack();
  const folder = mkdtempSync(join(tmpdir(), "downhill-tarball-"));
  try {
    spawnSync("tar", ["xzf", tarball, "-C", folder, "--strip-components=1"]);
    const files = filesBelow(folder);
    const description = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const begin = Object.values(description.exports).flatMap((entry) => targetsOf(entry, files));
    const empty = Object.entries(description.exports).filter(
      ([, entry]) => targetsOf(entry, files).length === 0,
    );
    const { reached, nowhere } = reach(folder, [...READ, ...begin], files);
    const dead = files.filter((path) => !reached.has(path));
    const types = files.filter((path) => path.endsWith(".d.ts"));
    const hosts = types.filter((path) => /"node:|\bNodeJS\./.test(readFileSync(join(folder, path), "utf8")));
    return [
      ["publint, strict, finds nothing", await checkByPublint(tarball)],
      ["@arethetypeswrong/cli finds nothing", checkByAttw(tarball, description)],
      ["every entry point has every condition", checkConditions(description)],
      ["every entry point has its slim twin", checkSlim(description)],
      ["every export is packed", reasonOf([...empty.map(([name]) => `${name}: no file`), ...nowhere])],
      ["every packed file is reached by an export", reasonOf(dead)],
      ["no type needs those of a runtime", reasonOf(hosts)],
      [`takes at most ${MOST_PACKED / 1e6} MB packed`, tooLarge(tarball, MOST_PACKED)],
      ["nothing is installed along", reasonOf(Object.keys(description.dependencies ?? {}))],
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
