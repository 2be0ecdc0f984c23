// LiteRT in Chromium: a page served on the loopback interface, with the runtime's own files.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages } from "../../conformance/packages.js";

const MODULES = new URL("../node_modules/@litertjs/", import.meta.url);
/** A page that tells nothing for so many milliseconds hangs. */
const HANGING = 120_000;
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm" };

const PAGE = `<!doctype html><title>TFLite</title><link rel="icon" href="data:,">
<script type="importmap">{ "imports": {
  "@litertjs/core": "/modules/core/dist/index.js", "@litertjs/wasm-utils": "/modules/wasm-utils/dist/index.js"
} }</script>
<body><script type="module">
import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
const told = [];
try {
  await loadLiteRt("/modules/core/wasm/");
  for (const { name, inputs, shape } of await (await fetch("/models")).json()) {
    const file = new Uint8Array(await (await fetch("/model/" + name)).arrayBuffer());
    const compiled = await loadAndCompile(file, { accelerator: "wasm" });
    const [output] = await compiled.run([new Tensor(Float32Array.from(inputs), shape)]);
    told.push({ name, got: [...output.toTypedArray()] });
  }
} catch (error) {
  told.push({ name: "page", got: String(error.stack ?? error) });
}
await fetch("/told", { method: "POST", body: JSON.stringify(told) });
</script>`;

function serve(models, tell) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const answer = (body, type) => response.writeHead(200, { "Content-Type": type }).end(body);
    const described = () => models.map(({ name, inputs, shape }) => ({ name, inputs: [...inputs], shape }));
    if (pathname === "/") answer(PAGE, "text/html; charset=utf-8");
    else if (pathname === "/models") answer(JSON.stringify(described()), "application/json");
    else if (pathname.startsWith("/model/"))
      answer(
        models.find(({ name }) => pathname === `/model/${encodeURIComponent(name)}`).file,
        "application/octet-stream",
      );
    else if (pathname.startsWith("/modules/")) {
      const path = new URL(pathname.slice("/modules/".length), MODULES);
      answer(readFileSync(path), TYPES[extname(pathname)] ?? "application/octet-stream");
    } else if (pathname === "/told") {
      const parts = [];
      for await (const part of request) parts.push(part);
      response.writeHead(204).end();
      tell(JSON.parse(Buffer.concat(parts).toString()));
    } else response.writeHead(404).end();
  });
  return new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(server)));
}

/**
 * Runs files in a page, one example each; answers what each made, by name, and under "page" what went wrong.
 * @param {readonly { name: string, file: Uint8Array, inputs: ArrayLike<number>, shape: readonly number[] }[]} models
 * @returns {Promise<Map<string, number[] | string>>}
 */
export async function runInPage(models) {
  installPackages(fileURLToPath(new URL("../../browsers", import.meta.url)));
  const { BROWSERS, start } = await import("../../browsers/browsers.js");
  let server;
  let timer;
  const told = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error("the page hangs")), HANGING);
    server = serve(models, resolve);
  });
  const browser = await start(BROWSERS.find(({ name }) => name === "Chromium"));
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(await server).address().port}/`);
    return new Map((await told).map(({ name, got }) => [name, got]));
  } finally {
    clearTimeout(timer);
    await browser.close();
    (await server).closeAllConnections();
    (await server).close();
  }
}
