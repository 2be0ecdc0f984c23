// What pages tell: sites on the loopback interface, opened in Chromium and Firefox.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages } from "../../conformance/packages.js";

/** A page that tells nothing for so many milliseconds hangs. */
const HANGING = 300_000;
const PACKAGES = fileURLToPath(new URL("../node_modules/", import.meta.url));
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/**
 * Opens /page.html of a site; answers what it posts to /told, or { error }.
 * @param {{ start: () => Promise<object> }} which One of BROWSERS.
 * @param {(path: string) => string | Uint8Array} answer Throws where there is nothing.
 * @param {Record<string, string>} [headers]
 */
async function visit(which, answer, headers = {}) {
  let tell = () => {};
  let timer;
  const told = new Promise((resolve) => {
    tell = resolve;
    timer = setTimeout(() => resolve({ error: "the page hangs" }), HANGING);
  });
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname === "/told") {
      const parts = [];
      for await (const part of request) parts.push(part);
      response.writeHead(204, headers).end();
      tell(JSON.parse(Buffer.concat(parts).toString()));
      return;
    }
    try {
      const path = normalize(decodeURIComponent(pathname));
      const type = TYPES[extname(path)] ?? "application/octet-stream";
      response.writeHead(200, { ...headers, "Content-Type": type }).end(answer(path));
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const browser = await which.start();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/page.html`);
    return await told;
  } finally {
    clearTimeout(timer);
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}

async function browsers() {
  installPackages(fileURLToPath(new URL("../../browsers", import.meta.url)));
  return (await import("../../browsers/browsers.js")).BROWSERS;
}

/**
 * What a folder's page.html tells in each browser, under the content-security policy that the library asks for:
 * [name, what it posted to /told].
 * @param {string} folder
 */
export async function predictInPages(folder) {
  const outcomes = [];
  for (const which of await browsers()) {
    const { STRICT } = await import("../../browsers/server.js");
    const answer = (path) => readFileSync(join(folder, path));
    outcomes.push([which.name, await visit(which, answer, { "Content-Security-Policy": STRICT })]);
  }
  return outcomes;
}

/** A page that runs each model once; imports name files of packages. */
const pageOf = (imports) => `<!doctype html><title>Models</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports })}</script>
<body><script type="module">
const told = [];
let error;
try {
  const { run } = await import("/runtime.js");
  for (const [k, model] of (await (await fetch("/models.json")).json()).entries()) {
    const file = new Uint8Array(await (await fetch("/model/" + k)).arrayBuffer());
    told.push(await run(file, model).then((numbers) => [...numbers], String));
  }
} catch (thrown) {
  error = String(thrown.stack ?? thrown);
}
await fetch("/told", { method: "POST", body: JSON.stringify({ told, error }) });
</script>`;

/**
 * Runs files in Chromium, in a runtime whose packages lie under /packages/; answers what each made, a text where it failed.
 * @param {readonly { file: Uint8Array, inputs: ArrayLike<number>, shape: readonly number[], type?: string }[]} models
 * @param {{ script: string, imports: Record<string, string> }} runtime The script exports run(file, { inputs, shape, type });
 *   imports are paths of what it imports.
 * @returns {Promise<(number[] | string)[]>}
 */
export async function runInChromium(models, { script, imports }) {
  const described = models.map(({ inputs, shape, type }) => ({ inputs: [...inputs], shape, type }));
  const site = new Map([
    ["/page.html", pageOf(imports)],
    ["/runtime.js", script],
    ["/models.json", JSON.stringify(described)],
    ...models.map(({ file }, k) => [`/model/${k}`, file]),
  ]);
  const chromium = (await browsers()).find(({ name }) => name === "Chromium");
  const { told = [], error } = await visit(
    chromium,
    (path) => site.get(path) ?? readFileSync(join(PACKAGES, path.replace(/^\/packages\//, ""))),
  );
  return models.map((_, k) => told[k] ?? `nothing: ${error}`);
}
