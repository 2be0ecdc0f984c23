// The table of consumers: in what surroundings the packed package is installed, built and run.
//
// A consumer is made of the files of some folders of consumers/. `build` are commands; what it then does is either printed
// by `run`, or shown by a page or answered by a worker that `serve` starts. Two programs take turns in it as xor.js:
// the README's, and one that has every entry point at work and counts the engine's threads.
import { ISOLATION, serveFolder } from "./browser.js";

/** A page that a server of static files serves. */
const files = {
  page: true,
  serve: (project, isolated) => serveFolder(project.folder, isolated ? ISOLATION : {}),
};

/** A page that Vite serves; for isolation it is told the headers in its configuration. */
const vite = (command) => ({
  page: true,
  serving: command,
  async serve(project, isolated) {
    if (isolated) project.add("vite-isolated");
    // The other program imports more, which would have a server that knows this one load its page a second time.
    project.forget("node_modules/.vite");
    return project.serve(command, /Local:\s+(http:\S+)/);
  },
});

/** A worker in Cloudflare's runtime. */
const workerd = (config) => ({
  serving: `npx workerd serve ${config}`,
  async serve(project) {
    const command = `npx workerd serve ${config} --socket-addr=http=localhost:0 --control-fd=1`;
    const { address: port, close } = await project.serve(command, /"port":(\d+)/);
    return { address: `http://localhost:${port}/`, close };
  },
});

const webpack = "npx webpack --entry ./main.js --mode production";
const esbuild = "npx esbuild main.js --bundle --format=esm --splitting --outdir=dist";

/** By what a program imports an entry point, "" or such as "/data", where it is not `downhill`. */
const slim = (room) => `downhill/slim${room}`;
const browserFile = (room) => `./node_modules/downhill/build/bundle/browser/${room.slice(1) || "index"}.js`;
const slimFile = (room) => browserFile(room).replace("browser", "slim");

/**
 * `threads`: whether its engines have several; of a page, where it is isolated. `mapped`: files for the names that the
 * program imports, of which the page has to tell the browser; the README's page names the two that its program needs.
 * `rooms`: a folder that is added for every room at work. `most`: how many compiled modules a page loads at most, where it
 * is not one.
 */
export const consumers = [
  { name: "Node, import", folders: ["module"], run: "node main.js", threads: true },
  { name: "Node, require", folders: ["require"], run: "node main.cjs", threads: true },
  { name: "Deno", folders: ["module"], run: "deno run --allow-all main.js", threads: true },
  { name: "Bun", folders: ["module"], run: "bun main.js", threads: true },
  {
    name: "Node, esbuild",
    folders: ["module"],
    build: [
      "npx esbuild main.js --bundle --format=esm --platform=node --external:downhill --outfile=dist.js",
    ],
    run: "node dist.js",
    threads: true,
  },
  {
    name: "page, import map",
    folders: ["page", "no-bundler"],
    ...files,
    mapped: browserFile,
    threads: true,
  },
  {
    name: "page, by path",
    folders: ["page", "no-bundler-paths"],
    ...files,
    imports: browserFile,
    threads: true,
  },
  {
    name: "Vite, built",
    folders: ["page", "vite"],
    build: ["npx vite build"],
    ...vite("npx vite preview"),
    threads: true,
  },
  { name: "Vite, dev server", folders: ["page", "vite"], ...vite("npx vite"), threads: true },
  { name: "webpack", folders: ["page", "webpack"], build: [webpack], ...files, threads: true },
  {
    name: "esbuild",
    folders: ["page", "esbuild"],
    build: [`${esbuild} worker=downhill/worker.js`],
    ...files,
    threads: true,
  },
  { name: "Cloudflare, wrangler.jsonc", folders: ["cloudflare"], ...workerd("wrangler.jsonc") },
  {
    name: "Cloudflare, esbuild",
    folders: ["cloudflare"],
    build: [
      "npx esbuild worker.mjs --bundle --format=esm --conditions=workerd --loader:.wasm=copy --asset-names=[name] --outdir=dist",
    ],
    ...workerd("worker.capnp"),
    rooms: "cloudflare-rooms",
  },
  { name: "slim, Node: module", folders: ["slim-module"], run: "node main.js", imports: slim },
  { name: "slim, Node: bytes", folders: ["slim-bytes"], run: "node main.js", imports: slim },
  {
    name: "slim, page: URL, Response",
    folders: ["slim-no-bundler"],
    ...files,
    imports: slim,
    mapped: slimFile,
    most: 2,
  },
  {
    name: "slim, Vite: URL",
    folders: ["vite", "slim-vite"],
    build: ["npx vite build"],
    ...vite("npx vite preview"),
    imports: slim,
  },
  {
    name: "slim, webpack: URL",
    folders: ["webpack", "slim-webpack"],
    build: [webpack],
    ...files,
    imports: slim,
  },
  {
    name: "slim, esbuild: bytes",
    folders: ["esbuild", "slim-esbuild"],
    build: [`${esbuild} --loader:.wasm=binary`],
    ...files,
    imports: slim,
  },
  {
    name: "slim, Cloudflare: module",
    folders: ["cloudflare", "slim-cloudflare"],
    ...workerd("wrangler.jsonc"),
    imports: slim,
  },
];
